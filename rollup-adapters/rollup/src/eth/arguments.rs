//! The arguments of a request, read one by one, so that an error names the argument and what is wrong with it.

use alloy_primitives::{Address, B256, Bytes, U256};
use jsonrpsee::types::Params;
use serde_json::Value;

use super::error::{Error, invalid};

/// Something that a request may hold.
pub(crate) trait Argument: Sized {
    /// Reads it from its JSON.
    ///
    /// # Errors
    /// What is wrong, in words that go on after the argument's name.
    fn read(value: &Value) -> Result<Self, String>;
}

/// A request's arguments, in order.
pub(crate) struct Arguments {
    values: std::vec::IntoIter<Value>,
    given: usize,
    asked: usize,
}

impl Arguments {
    /// The arguments of a request, which takes at most `most`.
    ///
    /// # Errors
    /// No array, or too long an one.
    pub(crate) fn new(params: &Params<'_>, most: usize) -> Result<Self, Error> {
        let values: Vec<Value> = match params.as_str() {
            None => Vec::new(),
            Some(text) => {
                serde_json::from_str(text).map_err(|_| invalid("params must be an array"))?
            }
        };
        if values.len() > most {
            return Err(invalid(format!("too many arguments, want at most {most}")));
        }
        Ok(Self {
            given: values.len(),
            values: values.into_iter(),
            asked: 0,
        })
    }

    /// Refuses any argument at all.
    ///
    /// # Errors
    /// There is one.
    pub(crate) fn none(params: &Params<'_>) -> Result<(), Error> {
        Self::new(params, 0).map(drop)
    }

    /// The next one, which has to be there.
    ///
    /// # Errors
    /// It isn't there, or is no `T`.
    pub(crate) fn required<T: Argument>(&mut self, name: &str) -> Result<T, Error> {
        let at = self.asked;
        self.optional(name)?
            .ok_or_else(|| invalid(format!("missing value for required argument {at} ({name})")))
    }

    /// The next one; none if it's left out or `null`.
    ///
    /// # Errors
    /// It is no `T`.
    pub(crate) fn optional<T: Argument>(&mut self, name: &str) -> Result<Option<T>, Error> {
        let at = self.asked;
        self.asked += 1;
        match self.values.next() {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::read(&value)
                .map(Some)
                .map_err(|why| invalid(format!("invalid argument {at} ({name}): {why}"))),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.given
    }
}

/// The text of a value.
pub(crate) fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("want a string, not {}", kind(value)))
}

/// What a value is, for errors.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn digits(value: &Value) -> Result<&str, String> {
    let text = text(value)?;
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .ok_or("hex string without 0x prefix")?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("invalid hex string".to_owned());
    }
    Ok(digits)
}

/// Bytes in hex, `N` of them.
fn fixed<const N: usize>(value: &Value) -> Result<[u8; N], String> {
    let digits = digits(value)?;
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return Err(format!(
            "hex string has length {}, want {}",
            digits.len(),
            2 * N
        ));
    }
    alloy_primitives::hex::decode_to_slice(digits, &mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

impl Argument for Address {
    fn read(value: &Value) -> Result<Self, String> {
        fixed(value).map(Self::new)
    }
}

impl Argument for B256 {
    fn read(value: &Value) -> Result<Self, String> {
        fixed(value).map(Self::new)
    }
}

impl Argument for Bytes {
    fn read(value: &Value) -> Result<Self, String> {
        let digits = digits(value)?;
        if digits.len() % 2 == 1 {
            return Err("hex string of odd length".to_owned());
        }
        alloy_primitives::hex::decode(digits)
            .map(Self::from)
            .map_err(|error| error.to_string())
    }
}

impl Argument for U256 {
    fn read(value: &Value) -> Result<Self, String> {
        let digits = digits(value)?;
        match digits {
            "" => return Err("hex number without digits".to_owned()),
            "0" => return Ok(Self::ZERO),
            _ if digits.starts_with('0') => {
                return Err("hex number with leading zero digits".to_owned());
            }
            _ => (),
        }
        Self::from_str_radix(digits, 16).map_err(|_| "hex number > 256 bits".to_owned())
    }
}

impl Argument for u64 {
    fn read(value: &Value) -> Result<Self, String> {
        Self::try_from(U256::read(value)?).map_err(|_| "hex number > 64 bits".to_owned())
    }
}

impl Argument for u128 {
    fn read(value: &Value) -> Result<Self, String> {
        Self::try_from(U256::read(value)?).map_err(|_| "hex number > 128 bits".to_owned())
    }
}

impl Argument for bool {
    fn read(value: &Value) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| format!("want true or false, not {}", kind(value)))
    }
}

impl Argument for String {
    fn read(value: &Value) -> Result<Self, String> {
        text(value).map(str::to_owned)
    }
}

impl<T: Argument> Argument for Vec<T> {
    fn read(value: &Value) -> Result<Self, String> {
        value
            .as_array()
            .ok_or_else(|| format!("want an array, not {}", kind(value)))?
            .iter()
            .enumerate()
            .map(|(at, item)| T::read(item).map_err(|why| format!("item {at}: {why}")))
            .collect()
    }
}

/// A count: hex as everything else, or a plain number as some tools write it.
pub(crate) struct Count(pub(crate) u64);

impl Argument for Count {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => number
                .as_u64()
                .map(Self)
                .ok_or_else(|| "want a whole number".to_owned()),
            Value::String(text) if !text.starts_with("0x") => text
                .parse()
                .map(Self)
                .map_err(|_| "want a whole number".to_owned()),
            _ => u64::read(value).map(Self),
        }
    }
}

/// A storage slot: a word, or a number as some tools write it.
pub(crate) struct Slot(pub(crate) B256);

impl Argument for Slot {
    fn read(value: &Value) -> Result<Self, String> {
        let digits = digits(value)?;
        if digits.is_empty() || digits.len() > 64 {
            return Err(format!(
                "storage key of {} digits, want 1 to 64",
                digits.len()
            ));
        }
        U256::from_str_radix(digits, 16)
            .map(|number| Self(number.into()))
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn why<T: Argument>(value: Value) -> String {
        T::read(&value).map(drop).unwrap_err()
    }

    #[test]
    fn numbers_are_hex_without_leading_zeros() {
        assert_eq!(u64::read(&json!("0x0")), Ok(0));
        assert_eq!(u64::read(&json!("0xFf")), Ok(255));
        assert_eq!(
            why::<u64>(json!("0x01")),
            "hex number with leading zero digits"
        );
        assert_eq!(why::<u64>(json!("0x")), "hex number without digits");
        assert_eq!(why::<u64>(json!("1")), "hex string without 0x prefix");
        assert_eq!(why::<u64>(json!(1)), "want a string, not a number");
        assert_eq!(why::<u64>(json!("0xg")), "invalid hex string");
        assert_eq!(
            why::<u64>(json!("0x10000000000000000")),
            "hex number > 64 bits"
        );
        assert_eq!(
            why::<U256>(json!(format!("0x1{}", "0".repeat(64)))),
            "hex number > 256 bits"
        );
    }

    #[test]
    fn bytes_have_their_length() {
        assert_eq!(
            why::<Address>(json!("0x12")),
            "hex string has length 2, want 40"
        );
        assert_eq!(why::<Bytes>(json!("0x123")), "hex string of odd length");
        assert_eq!(Bytes::read(&json!("0x")), Ok(Bytes::new()));
        assert_eq!(
            why::<Vec<Address>>(json!(["0x12"])),
            "item 0: hex string has length 2, want 40"
        );
    }

    #[test]
    fn an_error_names_the_argument() {
        let params = Params::new(Some(r#"[null, "x"]"#));
        let mut arguments = Arguments::new(&params, 2).unwrap();
        assert_eq!(arguments.len(), 2);
        assert_eq!(arguments.optional::<u64>("first").unwrap(), None);
        let error = arguments.required::<u64>("second").unwrap_err();
        assert_eq!(error.code(), -32602);
        assert_eq!(
            error.message(),
            "invalid argument 1 (second): hex string without 0x prefix"
        );
        let error = arguments.required::<u64>("third").unwrap_err();
        assert_eq!(
            error.message(),
            "missing value for required argument 2 (third)"
        );
    }

    #[test]
    fn arguments_come_in_an_array_of_bounded_length() {
        let error = Arguments::new(&Params::new(Some(r#"{"a":1}"#)), 2)
            .err()
            .unwrap();
        assert_eq!(error.message(), "params must be an array");
        let error = Arguments::none(&Params::new(Some("[1]"))).unwrap_err();
        assert_eq!(error.message(), "too many arguments, want at most 0");
        assert!(Arguments::none(&Params::new(None)).is_ok());
    }

    #[test]
    fn slots_and_counts_are_read_as_tools_write_them() {
        assert_eq!(
            Slot::read(&json!("0x01")).unwrap().0,
            B256::with_last_byte(1)
        );
        assert_eq!(Count::read(&json!(10)).unwrap().0, 10);
        assert_eq!(Count::read(&json!("10")).unwrap().0, 10);
        assert_eq!(Count::read(&json!("0xa")).unwrap().0, 10);
        assert!(Count::read(&json!(-1)).is_err());
        assert!(Slot::read(&json!("0x")).is_err());
    }
}
