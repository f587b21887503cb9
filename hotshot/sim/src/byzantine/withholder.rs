//! Disperses to a few only, echoes to nobody or to some, and serves no payload.
//!
//! With luck just enough validators hold their slots for a quorum certificate, and the block has
//! to be put together from their echoes.

use super::{Behaviour, Den};
use crate::wire::{Mail, Wire};

pub(super) struct Withholder;

impl Behaviour for Withholder {
    fn outgoing(&mut self, mut mail: Mail, den: &mut Den<'_>) {
        if matches!(*mail.wire, Wire::Slots { .. }) {
            mail.to = den.some(&mail.to, 65);
        }
        den.post(mail);
    }

    fn is_serving(&self) -> bool {
        false
    }
}
