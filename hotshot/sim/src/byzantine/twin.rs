//! Two honest replicas with one key and two disks. Nothing else is wrong with either; the second
//! node is added by the plan.

use super::Behaviour;

pub(super) struct Twin;

impl Behaviour for Twin {}
