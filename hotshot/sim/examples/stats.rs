//! Temporary.
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args[1].parse().unwrap();
    let seeds: u64 = args[2].parse().unwrap();
    if args.len() > 4 {
        let mut w = std::fs::File::create(format!("/tmp/tr{from}")).unwrap();
        #[cfg(feature = "faults")]
        {
            let r = hotshot_sim::trace_with(
                hotshot_sim::Options {
                    broken: Some(hotshot::Broken::TimeoutLockIgnored),
                },
                from,
                &mut w,
            )
            .unwrap();
            println!("{}", r.is_ok());
        }
        return;
    }
    let t = std::time::Instant::now();
    #[cfg(feature = "faults")]
    for broken in if args.len() > 3 {
        vec![hotshot::Broken::TimeoutLockIgnored]
    } else {
        vec![
            hotshot::Broken::VoteAfterTimeout,
            hotshot::Broken::TimeoutLockIgnored,
            hotshot::Broken::VoteBeforeDurable,
        ]
    } {
        let mut n = Vec::new();
        for s in from..from + seeds {
            if let Err(e) = hotshot_sim::run_with(
                hotshot_sim::Options {
                    broken: Some(broken),
                },
                s,
                1,
                |_| {},
            ) {
                if n.len() < 3 || (n.len() < 10 && !e.to_string().contains("contradiction")) {
                    println!("{broken:?} {e}");
                }
                n.push(s);
            }
        }
        println!(
            "{broken:?}: {} of {seeds}: {:?}",
            n.len(),
            &n[..n.len().min(10)]
        );
    }
    #[cfg(not(feature = "faults"))]
    match hotshot_sim::run(from, seeds, |_| {}) {
        Ok(r) => println!("{r}"),
        Err(e) => println!("{e}"),
    }
    println!("{:?}", t.elapsed());
}
