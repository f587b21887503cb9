//! The guard between what servers say and what machines execute.

use std::ops::Deref;

/// Something that was derived from checked facts alone (RD6). Only this crate makes one.
///
/// ```compile_fail
/// let forged = rollup_derive::Authenticated(7);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated<T>(T);

impl<T> Authenticated<T> {
    /// After a check in this crate.
    pub(crate) fn checked(content: T) -> Self {
        Self(content)
    }
}

impl<T> Deref for Authenticated<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
