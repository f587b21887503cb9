//! A transaction that nobody signed, to be tried out.

use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::SignedAuthorization,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::{Map, Value};

use super::arguments::{Argument, kind};

/// What `eth_call` and `eth_estimateGas` execute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallRequest {
    /// Who sends it; the zero address if nobody is named.
    pub(crate) from: Option<Address>,
    /// None to create a contract.
    pub(crate) to: Option<Address>,
    pub(crate) gas: Option<u64>,
    pub(crate) gas_price: Option<u128>,
    pub(crate) max_fee_per_gas: Option<u128>,
    pub(crate) max_priority_fee_per_gas: Option<u128>,
    pub(crate) value: U256,
    pub(crate) nonce: Option<u64>,
    pub(crate) input: Bytes,
    pub(crate) access_list: AccessList,
    /// Delegations (EIP-7702).
    pub(crate) authorization_list: Vec<SignedAuthorization>,
    pub(crate) chain_id: Option<u64>,
}

impl CallRequest {
    /// What it pays for a unit of gas at this base fee; 0 if it doesn't say, and then the base fee is not asked for
    /// either.
    pub(crate) fn price(&self, base_fee: u128) -> u128 {
        match (self.gas_price, self.max_fee_per_gas) {
            (Some(price), _) => price,
            (None, Some(most)) => {
                let tip = self.max_priority_fee_per_gas.unwrap_or(0);
                most.min(base_fee.saturating_add(tip))
            }
            (None, None) => self
                .max_priority_fee_per_gas
                .map_or(0, |tip| base_fee.saturating_add(tip)),
        }
    }
}

fn field<T: Argument>(object: &Map<String, Value>, name: &str) -> Result<Option<T>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::read(value)
            .map(Some)
            .map_err(|why| format!("{name}: {why}")),
    }
}

impl Argument for CallRequest {
    fn read(value: &Value) -> Result<Self, String> {
        let object = value
            .as_object()
            .ok_or_else(|| format!("want an object, not {}", kind(value)))?;
        for unsupported in ["blobVersionedHashes", "blobs"] {
            let given = object.get(unsupported).and_then(Value::as_array);
            if given.is_some_and(|list| !list.is_empty()) {
                return Err(format!("{unsupported}: not supported in calls"));
            }
        }
        let (data, input) = (field::<Bytes>(object, "data")?, field(object, "input")?);
        let input = match (data, input) {
            (Some(data), Some(input)) if data != input => {
                return Err(
                    "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data"
                        .to_owned(),
                );
            }
            (data, input) => input.or(data).unwrap_or_default(),
        };
        let request = Self {
            from: field(object, "from")?,
            to: field(object, "to")?,
            gas: field(object, "gas")?,
            gas_price: field(object, "gasPrice")?,
            max_fee_per_gas: field(object, "maxFeePerGas")?,
            max_priority_fee_per_gas: field(object, "maxPriorityFeePerGas")?,
            value: field(object, "value")?.unwrap_or_default(),
            nonce: field(object, "nonce")?,
            input,
            access_list: field(object, "accessList")?.unwrap_or_default(),
            authorization_list: field(object, "authorizationList")?.unwrap_or_default(),
            chain_id: field(object, "chainId")?,
        };
        let has_cap = request.max_fee_per_gas.or(request.max_priority_fee_per_gas);
        if request.gas_price.is_some() && has_cap.is_some() {
            return Err(
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified".to_owned(),
            );
        }
        if let (Some(most), Some(tip)) = (request.max_fee_per_gas, request.max_priority_fee_per_gas)
            && tip > most
        {
            return Err(format!(
                "maxFeePerGas ({most:#x}) < maxPriorityFeePerGas ({tip:#x})"
            ));
        }
        Ok(request)
    }
}

impl Argument for AccessList {
    fn read(value: &Value) -> Result<Self, String> {
        Vec::<Item>::read(value).map(|items| Self(items.into_iter().map(|item| item.0).collect()))
    }
}

impl Argument for SignedAuthorization {
    fn read(value: &Value) -> Result<Self, String> {
        serde_json::from_value(value.clone()).map_err(|error| error.to_string())
    }
}

struct Item(AccessListItem);

impl Argument for Item {
    fn read(value: &Value) -> Result<Self, String> {
        let object = value
            .as_object()
            .ok_or_else(|| format!("want an object, not {}", kind(value)))?;
        Ok(Self(AccessListItem {
            address: field(object, "address")?.ok_or("address is missing")?,
            storage_keys: field::<Vec<B256>>(object, "storageKeys")?.unwrap_or_default(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_request_is_read() {
        let request = CallRequest::read(&json!({
            "from": Address::repeat_byte(1), "to": Address::repeat_byte(2), "gas": "0x5208",
            "maxFeePerGas": "0x10", "maxPriorityFeePerGas": "0x1", "value": "0x3", "nonce": "0x4",
            "data": "0x1234", "input": "0x1234", "chainId": "0x7", "type": "0x2", "other": [],
            "accessList": [{"address": Address::ZERO, "storageKeys": [B256::ZERO]}],
        }))
        .unwrap();
        assert_eq!(request.from, Some(Address::repeat_byte(1)));
        assert_eq!(request.input, Bytes::from_static(&[0x12, 0x34]));
        assert_eq!(request.access_list.0.len(), 1);
        assert_eq!(request.price(10), 11);
        assert_eq!(request.price(100), 16);
        assert_eq!(CallRequest::default().price(100), 0);
    }

    #[test]
    fn a_bad_field_is_named() {
        for (value, why) in [
            (json!("x"), "want an object"),
            (json!({"from": "0x1"}), "from: hex string"),
            (json!({"gas": 21000}), "gas: want a string"),
            (json!({"value": "0x01"}), "value: hex number with leading"),
            (json!({"data": "0x12", "input": "0x34"}), "not equal"),
            (
                json!({"gasPrice": "0x1", "maxFeePerGas": "0x1"}),
                "both gas",
            ),
            (
                json!({"maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"}),
                "maxFeePerGas (0x1) <",
            ),
            (
                json!({"blobVersionedHashes": [B256::ZERO]}),
                "blobVersionedH",
            ),
            (
                json!({"accessList": [{}]}),
                "accessList: item 0: address is",
            ),
        ] {
            let error = CallRequest::read(&value).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
