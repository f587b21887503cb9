//! Amounts as people write them: tokens with up to 18 decimals.

use std::{fmt, str::FromStr};

/// Decimals of the stake's token.
const DECIMALS: usize = 18;

/// An amount in units of 1e-18 tokens; fits 96 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount(pub(super) u128);

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no amount of tokens: write 32 or 0.5, at most 18 decimals");
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_empty = whole.is_empty() && fraction.is_empty();
        if is_empty || fraction.len() > DECIMALS || !digits(whole) || !digits(fraction) {
            return Err(wrong());
        }
        let units = format!("{whole}{fraction:0<DECIMALS$}");
        let units: u128 = units.parse().map_err(|_| wrong())?;
        if units >> 96 != 0 {
            return Err(format!("`{text}` is more than the stake table can count"));
        }
        Ok(Self(units))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u128.pow(18);
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{rest:018}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn amounts_are_read_exactly_and_written_as_they_were() {
        for (text, units) in [
            ("32", 32 * 10_u128.pow(18)),
            ("0.5", 5 * 10_u128.pow(17)),
            ("0.000000000000000001", 1),
            ("1.25", 125 * 10_u128.pow(16)),
        ] {
            let amount: Amount = text.parse().unwrap();
            assert_eq!((amount.0, amount.to_string().as_str()), (units, text));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "-1",
            "1e3",
            "1.0000000000000000001",
            "0x10",
            "1,5",
            "79228162515",
        ] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }
}
