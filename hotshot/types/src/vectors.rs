//! Golden vectors of everything that is signed or hashed, for implementations in other languages
//! and against changes by accident. The format is in the crate's README.

mod certificates;
mod chain;
mod digests;
mod keys;
mod light_client;
pub(crate) mod sample;

/// Every file of the folder `vectors`: its name and its text. Always the same.
#[must_use]
pub fn all() -> Vec<(&'static str, String)> {
    [
        ("tags.json", digests::tags()),
        ("digests.json", digests::digests()),
        ("keys.json", keys::keys()),
        ("hash_to_curve.json", keys::hash_to_curve()),
        ("committees.json", chain::committees()),
        ("leaders.json", chain::leaders()),
        ("headers.json", chain::headers()),
        ("genesis.json", chain::genesis()),
        ("mountain_range.json", chain::mountain_range()),
        ("certificates.json", certificates::certificates()),
        ("messages.json", certificates::messages()),
        ("updates.json", light_client::updates()),
        ("evidence.json", light_client::evidence()),
    ]
    .map(|(name, mut value)| {
        value.sort_all_objects();
        (name, format!("{value:#}\n"))
    })
    .to_vec()
}

#[cfg(test)]
mod tests;
