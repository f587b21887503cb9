//! Temporary.
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args[1].parse().unwrap();
    let seeds: u64 = args[2].parse().unwrap();
    if args.len() > 3 {
        let r = hotshot_sim::trace(from, &mut std::io::stdout()).unwrap();
        match r {
            Ok(r) => println!("{r}"),
            Err(e) => println!("{e}"),
        }
        return;
    }
    let t = std::time::Instant::now();
    let mut fails = std::collections::BTreeMap::<String, Vec<u64>>::new();
    let mut slow = Vec::new();
    for s in from..from + seeds {
        match hotshot_sim::run(s, 1, |_| {}) {
            Ok(r) => slow.push((r.slowest_recovery, s, r.events)),
            Err(e) => {
                let v = format!("{}", e.violation);
                let k: String = v.chars().take(30).collect();
                let l = fails.entry(k).or_default();
                if l.len() < 2 {
                    println!("{e}");
                }
                l.push(s);
            }
        }
    }
    for (k, v) in &fails {
        println!("{} x {k}: {:?}", v.len(), &v[..v.len().min(12)]);
    }
    slow.sort();
    println!(
        "slowest {:?}",
        slow.iter().rev().take(12).collect::<Vec<_>>()
    );
    slow.sort_by_key(|x| x.2);
    println!(
        "longest {:?}",
        slow.iter().rev().take(6).collect::<Vec<_>>()
    );
    println!("{:?}", t.elapsed());
}
