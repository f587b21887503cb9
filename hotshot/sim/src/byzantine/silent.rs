//! Never says anything and answers nobody.

use super::{Behaviour, Den};
use crate::wire::Mail;

pub(super) struct Silent;

impl Behaviour for Silent {
    fn outgoing(&mut self, _mail: Mail, _den: &mut Den<'_>) {}

    fn is_serving(&self) -> bool {
        false
    }
}
