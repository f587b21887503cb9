use hotshot_types::{Hash, L1Block};

use super::*;
use crate::schedule::Schedule;

fn disk() -> Disk {
    let schedule = Schedule::new(0, vec![vec![1, 1, 1, 1]], 5, L1Block::default());
    Disk::new(&schedule.genesis)
}

#[test]
fn a_crash_keeps_what_was_synced_and_a_prefix_of_what_was_not() {
    let hashes: Vec<Hash> = (0..6).map(|byte| Hash([byte; 32])).collect();
    for seed in 0..50 {
        let mut disk = disk();
        let mut dice = Dice::new(seed);
        for hash in &hashes[..2] {
            disk.stage(Write::OwnSlots(*hash));
        }
        disk.sync();
        for hash in &hashes[2..] {
            disk.stage(Write::OwnSlots(*hash));
        }
        assert_eq!(disk.live.own.len(), 6);
        assert_eq!(disk.durable.own.len(), 2);
        disk.crash(&mut dice);
        let kept = disk.durable.own.len();
        assert!(kept >= 2);
        assert!(
            hashes[..kept]
                .iter()
                .all(|hash| disk.durable.own.contains(hash))
        );
        assert_eq!(disk.live.own, disk.durable.own);
    }
}
