//! Lists from outside whose length has a limit, checked before an element is decoded.

use std::{fmt, io, marker::PhantomData};

use borsh::BorshDeserialize;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};

/// Reads a list of at most `MAX` elements in the wire encoding.
pub(crate) fn read<T: BorshDeserialize, R: io::Read, const MAX: usize>(
    reader: &mut R,
) -> io::Result<Vec<T>> {
    let len = u32::deserialize_reader(reader)? as usize;
    if len > MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a list of {len} elements, at most {MAX} are allowed"),
        ));
    }
    // Elements are pushed one by one: the input's length bounds what is allocated.
    (0..len).map(|_| T::deserialize_reader(reader)).collect()
}

/// As [`read`], with the byte before it that says whether there is a list at all.
pub(crate) fn read_option<T: BorshDeserialize, R: io::Read, const MAX: usize>(
    reader: &mut R,
) -> io::Result<Option<Vec<T>>> {
    match u8::deserialize_reader(reader)? {
        0 => Ok(None),
        1 => read::<T, R, MAX>(reader).map(Some),
        other => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("an option is 0 or 1, not {other}"),
        )),
    }
}

/// Reads a list of at most `MAX` elements from a text format.
pub(crate) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while list.len() < MAX {
                match elements.next_element()? {
                    Some(element) => list.push(element),
                    None => return Ok(list),
                }
            }
            match elements.next_element::<serde::de::IgnoredAny>()? {
                None => Ok(list),
                Some(_) => Err(A::Error::custom(format_args!("more than {MAX} elements"))),
            }
        }
    }

    deserializer.deserialize_seq(List::<T, MAX>(PhantomData))
}

/// As [`list`], for a list that may be absent.
pub(crate) fn list_option<'de, D, T, const MAX: usize>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Present<T, const MAX: usize>(Vec<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Present<T, MAX> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            list::<D, T, MAX>(deserializer).map(Self)
        }
    }

    let list = Option::<Present<T, MAX>>::deserialize(deserializer)?;
    Ok(list.map(|Present(list)| list))
}
