use hotshot_types::digest;

use super::{Intake, MAX_REMEMBERED};

/// B5: of verified certificates the newest are remembered.
#[test]
fn the_cache_of_verified_certificates_is_bounded() {
    let mut intake = Intake::default();
    let key = |number: usize| digest::keccak(&number.to_be_bytes());
    for number in 0..3 * MAX_REMEMBERED {
        intake.remember(vec![key(number), key(number)]);
    }
    assert_eq!(intake.remembered.len(), MAX_REMEMBERED);
    assert_eq!(intake.remembered_order.len(), MAX_REMEMBERED);
    assert!(intake.remembered.contains(&key(3 * MAX_REMEMBERED - 1)));
    assert!(!intake.remembered.contains(&key(0)));
}
