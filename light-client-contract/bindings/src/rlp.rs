//! RLP, the encoding of Ethereum transactions.

/// A value to encode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A string of bytes.
    Bytes(Vec<u8>),
    /// A list of values.
    List(Vec<Item>),
}

impl Item {
    /// A number: big-endian without leading zeros.
    pub(crate) fn number(number: u128) -> Self {
        Self::integer(&number.to_be_bytes())
    }

    /// A number from its big-endian bytes.
    pub(crate) fn integer(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self::Bytes(bytes[zeros..].to_vec())
    }

    /// The encoding.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) if bytes.len() == 1 && bytes[0] < 0x80 => bytes.clone(),
            Self::Bytes(bytes) => with_length(0x80, bytes.clone()),
            Self::List(items) => with_length(0xc0, items.iter().flat_map(Self::encode).collect()),
        }
    }
}

fn with_length(base: u8, body: Vec<u8>) -> Vec<u8> {
    let Item::Bytes(length) = Item::number(body.len() as u128) else {
        unreachable!("a number is bytes");
    };
    let mut encoded = match (u8::try_from(body.len()), length.len()) {
        (Ok(short), _) if short <= 55 => vec![base + short],
        (_, digits) => {
            let digits = u8::try_from(digits).expect("a length has at most 16 digits");
            [vec![base + 55 + digits], length].concat()
        }
    };
    encoded.extend(body);
    encoded
}

#[cfg(test)]
mod tests {
    use super::Item;

    fn text(text: &str) -> Item {
        Item::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn examples_of_the_specification_are_encoded_as_it_says() {
        assert_eq!(text("dog").encode(), b"\x83dog");
        assert_eq!(
            Item::List(vec![text("cat"), text("dog")]).encode(),
            b"\xc8\x83cat\x83dog"
        );
        assert_eq!(text("").encode(), [0x80]);
        assert_eq!(Item::List(vec![]).encode(), [0xc0]);
        assert_eq!(Item::number(0).encode(), [0x80]);
        assert_eq!(Item::Bytes(vec![0]).encode(), [0x00]);
        assert_eq!(Item::number(15).encode(), [0x0f]);
        assert_eq!(Item::number(1024).encode(), [0x82, 0x04, 0x00]);
    }

    #[test]
    fn long_strings_have_the_length_of_their_length() {
        let encoded = Item::Bytes(vec![7; 56]).encode();
        assert_eq!(encoded[..2], [0xb8, 56]);
        let encoded = Item::Bytes(vec![7; 1024]).encode();
        assert_eq!(encoded[..3], [0xb9, 4, 0]);
        assert_eq!(Item::Bytes(vec![7; 55]).encode()[0], 0x80 + 55);
    }
}
