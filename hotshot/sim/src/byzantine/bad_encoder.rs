//! Leads with payloads that are badly encoded, or whose roots are wrong.

use super::Behaviour;
use crate::{contents::Flavour, dice::Dice};

pub(super) struct BadEncoder;

impl Behaviour for BadEncoder {
    fn flavour(&mut self, dice: &mut Dice) -> Flavour {
        dice.pick(&[
            Flavour::Good,
            Flavour::Garbage,
            Flavour::Garbage,
            Flavour::WrongNamespaces,
            Flavour::WrongMap,
        ])
    }
}
