//! Says everything, but late: often by several view timeouts.

use super::{Behaviour, Den};
use crate::wire::Mail;

pub(super) struct Delayer;

impl Behaviour for Delayer {
    fn outgoing(&mut self, mut mail: Mail, den: &mut Den<'_>) {
        if den.dice.percent(70) {
            mail.delay_ms = den.dice.below(3 * den.timeout_ms);
        }
        den.post(mail);
    }
}
