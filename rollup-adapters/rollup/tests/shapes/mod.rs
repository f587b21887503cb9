//! Checks that an answer has the shape that `openrpc.json` says.
//!
//! A shape is a list of alternatives, `a|b`: `[a]` a list, `null`, `=text` or `=false` that very value, one of the
//! formats below, or a name of `objects` or `names`.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub struct OpenRpc {
    objects: BTreeMap<String, Object>,
    names: BTreeMap<String, String>,
    pub methods: BTreeMap<String, Method>,
    notifications: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Object {
    includes: Option<String>,
    /// Whether it has no other fields.
    #[serde(default)]
    closed: bool,
    #[serde(default)]
    required: BTreeMap<String, String>,
    #[serde(default)]
    optional: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct Method {
    /// A `?` ends those that may be left out.
    pub params: Vec<String>,
    result: String,
    #[serde(default)]
    pub websocket: bool,
}

impl OpenRpc {
    pub fn new() -> Self {
        serde_json::from_str(include_str!("../openrpc.json")).unwrap()
    }

    /// What is wrong with the answer of a method.
    pub fn check_answer(&self, method: &str, response: &Value) -> Result<(), String> {
        let fields = response.as_object().ok_or("no object")?;
        if fields.get("jsonrpc") != Some(&Value::from("2.0")) || !fields.contains_key("id") {
            return Err(format!("no JSON-RPC response: {response}"));
        }
        match (fields.get("result"), fields.get("error")) {
            (Some(result), None) => self.check(&self.methods[method].result, result),
            (None, Some(error)) => {
                let error = error.as_object().ok_or("error: no object")?;
                let is_well = error.get("code").is_some_and(Value::is_i64)
                    && error
                        .get("message")
                        .and_then(Value::as_str)
                        .is_some_and(|text| !text.is_empty());
                if is_well {
                    Ok(())
                } else {
                    Err(format!("bad error {error:?}"))
                }
            }
            _ => Err(format!("want either result or error: {response}")),
        }
    }

    /// What is wrong with what a subscription tells.
    pub fn check_notification(&self, subscription: &str, result: &Value) -> Result<(), String> {
        self.check(&self.notifications[subscription], result)
    }

    fn check(&self, shape: &str, value: &Value) -> Result<(), String> {
        let mut errors = Vec::new();
        for one in alternatives(shape) {
            match self.check_one(one, value) {
                Ok(()) => return Ok(()),
                Err(error) => errors.push(format!("{one}: {error}")),
            }
        }
        Err(errors.join("; "))
    }

    fn check_one(&self, shape: &str, value: &Value) -> Result<(), String> {
        if let Some(inner) = shape.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            let items = value.as_array().ok_or(format!("{value} is no list"))?;
            return items.iter().enumerate().try_for_each(|(at, item)| {
                self.check(inner, item)
                    .map_err(|error| format!("{at}: {error}"))
            });
        }
        if let Some(names) = self.names.get(shape) {
            return self.check(names, value);
        }
        if let Some(object) = self.objects.get(shape) {
            return self.check_object(object, value);
        }
        if has_format(shape, value) {
            Ok(())
        } else {
            Err(format!("not {value}"))
        }
    }

    fn check_object(&self, object: &Object, value: &Value) -> Result<(), String> {
        let fields = value.as_object().ok_or(format!("{value} is no object"))?;
        if let Some(base) = &object.includes {
            self.check_one(base, value)?;
        }
        for (name, shape) in &object.required {
            let field = fields.get(name).ok_or(format!("{name} is missing"))?;
            self.check(shape, field)
                .map_err(|error| format!("{name}: {error}"))?;
        }
        for (name, shape) in &object.optional {
            if let Some(field) = fields.get(name) {
                self.check(shape, field)
                    .map_err(|error| format!("{name}: {error}"))?;
            }
        }
        let is_known = |name: &String| {
            object.required.contains_key(name) || object.optional.contains_key(name)
        };
        match fields.keys().find(|name| object.closed && !is_known(name)) {
            Some(name) => Err(format!("{name} does not belong there")),
            None => Ok(()),
        }
    }
}

/// The alternatives of a shape: no `|` inside brackets divides.
fn alternatives(shape: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    shape
        .split(|letter| {
            match letter {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            letter == '|' && depth == 0
        })
        .collect()
}

fn has_format(format: &str, value: &Value) -> bool {
    if let Some(literal) = format.strip_prefix('=') {
        return match value {
            Value::String(text) => text == literal,
            Value::Bool(value) => literal.parse() == Ok(*value),
            _ => false,
        };
    }
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    let is_hex = |length: Option<usize>| {
        digits.is_some_and(|digits| {
            length.is_none_or(|length| digits.len() == 2 * length)
                && digits.len() % 2 == 0
                && digits
                    .bytes()
                    .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    match format {
        "null" => value.is_null(),
        "bool" => value.is_boolean(),
        "string" => value.is_string(),
        "ratio" => value
            .as_f64()
            .is_some_and(|ratio| (0.0..=1.0).contains(&ratio)),
        "uint" => digits.is_some_and(|digits| {
            (digits == "0" || (!digits.is_empty() && !digits.starts_with('0')))
                && digits
                    .bytes()
                    .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        }),
        "byte" => digits.is_some_and(|digits| {
            digits.len() <= 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        }),
        "bytes" => is_hex(None),
        "bytes8" => is_hex(Some(8)),
        "address" => digits.is_some_and(|digits| {
            digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        }),
        "hash32" => is_hex(Some(32)),
        "bytes256" => is_hex(Some(256)),
        _ => panic!("openrpc.json names no {format}"),
    }
}
