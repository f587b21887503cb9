#!/bin/sh
# Records l1.json: three accounts that hold what the rollup's contracts would, proven by a real anvil.
# Needs anvil and cast on the PATH. Block 0 of anvil has no real state root, so everything is in later blocks.
set -eu
export ETH_RPC_URL=http://127.0.0.1:18599
anvil --port 18599 --silent --slots-in-an-epoch 1 &
trap "kill $!" EXIT
until cast block-number 2>/dev/null >&2; do :; done
KEY=0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80

word() { cast to-uint256 "$1" | cut -c3-; }
# A contract without methods whose constructor writes slots 0 and 1.
create() {
    cast send --json --private-key $KEY --create \
        "0x7f${1}5f557f${2}600155600160005360016000f3" | sed 's/.*"contractAddress":"\([^"]*\)".*/\1/'
}
message() { # chain index l1Block text
    body=$(cast keccak "$4")
    hash=$(cast keccak "$(cast abi-encode 'f(uint8,uint64,uint64,address,bytes32)' 1 "$2" "$3" 0x0101010101010101010101010101010101010101 "$body")")
    cast keccak "$(cast concat-hex "$1" "$hash")"
}
pin() { # chain after end l1Block
    cast keccak "$(cast abi-encode 'f(bytes32,uint64,uint64,uint64)' "$1" "$2" "$3" "$4")"
}
ZERO=0x$(word 0)
CHAIN=$(message "$(message "$ZERO" 0 1 first)" 1 2 second)
PINS=$(pin "$ZERO" 30 2 3)
QUEUE=$(create "${CHAIN#0x}" "$(word 2)")
# height 25, blockCount 4, transactionTotal 8, l1Number 2: from the right.
INBOX=$(create "${PINS#0x}" "$(printf '%016x%016x%016x%016x' 2 8 4 25)")
# height 40, epoch 2: from the right.
LIGHT=$(create "$(printf '%016x%016x%016x%016x' 0 0 2 40)" "$(word 0)")
BLOCK=$(cast block-number)
S0=0x$(word 0) S1=0x$(word 1) S2=0x$(word 2)
proof() { cast rpc eth_getProof "$1" "[\"$S0\",\"$S1\",\"$S2\"]" "$(cast to-hex "$BLOCK")"; }
cat > "$(dirname "$0")/l1.json" <<END
{"number": $BLOCK,
 "hash": "$(cast block "$BLOCK" -f hash)",
 "header": "$(cast block "$BLOCK" --raw)",
 "queue": $(proof "$QUEUE"),
 "inbox": $(proof "$INBOX"),
 "light_client": $(proof "$LIGHT"),
 "nobody": $(proof 0x00000000000000000000000000000000000000aa)}
END
