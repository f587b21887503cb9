// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Accumulator, Header, HistoryProof, ILightClient, RingEntry} from "@light-client/interfaces/ILightClient.sol";
import {Test} from "@light-client-test/Test.sol";
import {Validators} from "@light-client-test/Validators.sol";
import {IL1MessageQueue} from "../../src/interfaces/IL1MessageQueue.sol";
import {IRollupInbox} from "../../src/interfaces/IRollupInbox.sol";
import {IWithdrawalVault} from "../../src/interfaces/IWithdrawalVault.sol";
import {L1MessageQueue} from "../../src/L1MessageQueue.sol";
import {RollupInbox} from "../../src/RollupInbox.sol";
import {WithdrawalVault} from "../../src/WithdrawalVault.sol";
import {Cheats} from "./Cheats.sol";
import {History} from "./History.sol";

/// A rollup's contracts beside the real light client of a network of four, whose blocks are made and signed here.
abstract contract RollupFixture is Test {
    Cheats internal constant cheats = Cheats(address(vm));

    uint64 internal constant NAMESPACE = 42;
    uint256 internal constant HOME = 31_337;
    uint128 internal constant CAP = 1000 ether;
    uint64 internal constant BASE_FEE = 1e13;
    uint64 internal constant FEE_STEP = 1e11;
    uint64 internal constant FORCE_DELAY = 12 hours;
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant START_BLOCK = 1000;
    bytes32 internal constant DOMAIN = keccak256("network");
    address internal constant ALICE = address(0xa11ce);
    address internal constant BOB = address(0xb0b);
    address internal constant SETTLER = address(0x5e771e4);
    address internal constant FEES = address(0xfee5);

    ILightClient internal client;
    L1MessageQueue internal queue;
    RollupInbox internal inbox;
    WithdrawalVault internal vault;

    /// The network's blocks by height.
    Header[] internal headers;
    bytes32[] internal hashes;
    Validators.Member[] private _members;

    function setUp() public virtual {
        cheats.chainId(HOME);
        vm.warp(START);
        vm.roll(START_BLOCK);
        cheats.deal(ALICE, 10_000 ether);
        cheats.deal(BOB, 10_000 ether);
        for (uint256 i = 0; i < 4; ++i) {
            _members.push(Validators.Member(100 + i, 5));
        }
        Header memory genesis;
        genesis.historyRoot = History.root(hashes, 0);
        genesis.timestampMs = uint64(block.timestamp * 1000);
        genesis.l1Finalized = uint64(block.number - 100);
        _add(genesis);
        client = deployClient(genesis);
        (queue, inbox, vault) = deployRollup(terms(), SETTLER);
    }

    function terms() internal pure returns (L1MessageQueue.Terms memory) {
        return L1MessageQueue.Terms(HOME, CAP, true, BASE_FEE, FEE_STEP, FEES);
    }

    function deployClient(Header memory anchor) internal returns (ILightClient) {
        bytes memory arguments =
            abi.encode(DOMAIN, address(0x71), uint64(365 days), anchor, rest(0), _commitment(1), _commitment(2));
        string memory artifact = "../../light-client-contract/out/LightClient.sol/LightClient.json";
        return ILightClient(vm.deployCode(artifact, arguments));
    }

    function deployRollup(L1MessageQueue.Terms memory chosen, address settler)
        internal
        returns (L1MessageQueue, RollupInbox, WithdrawalVault)
    {
        address predicted = cheats.computeCreateAddress(address(this), cheats.getNonce(address(this)) + 2);
        WithdrawalVault newVault = new WithdrawalVault(predicted, settler, chosen.homeChainId);
        RollupInbox newInbox = new RollupInbox(address(client), predicted, NAMESPACE, chosen.homeChainId, FORCE_DELAY);
        return (new L1MessageQueue(address(newInbox), address(newVault), chosen), newInbox, newVault);
    }

    /// The network makes a block, of now.
    function produce(bytes32 nsAccRoot, uint64 l1Finalized) internal returns (uint64 height) {
        height = uint64(headers.length);
        Header memory header;
        (header.height, header.epoch) = (height, 1);
        header.historyRoot = History.root(hashes, height);
        header.nextCommittee = _commitment(2);
        (header.nsAccRoot, header.l1Finalized) = (nsAccRoot, l1Finalized);
        header.timestampMs = uint64(block.timestamp * 1000);
        _add(header);
    }

    /// Somebody hands the light client a block with its certificate.
    function relay(uint64 height) internal {
        Header memory header = headers[height];
        client.update(header, rest(height), Validators.certify(DOMAIN, header, rest(height), _members, 0));
    }

    /// The network signs two blocks of one height, and somebody tells the light client.
    function freeze() internal {
        Header memory one = headers[produce(0, 0)];
        Header memory other = headers[one.height];
        other.nsAccRoot = keccak256("another");
        bytes32 same = rest(one.height);
        HistoryProof memory none;
        client.reportConflict(
            one,
            same,
            Validators.certify(DOMAIN, one, same, _members, 0),
            other,
            same,
            Validators.certify(DOMAIN, other, same, _members, 0),
            0,
            none
        );
    }

    /// The hash of the rest of a header.
    function rest(uint64 height) internal pure returns (bytes32) {
        return keccak256(abi.encode("rest", height));
    }

    /// What the ring holds of a block.
    function ringEntry(uint64 height) internal view returns (RingEntry memory) {
        return RingEntry(hashes[height], headers[height].historyRoot);
    }

    /// Where a block stands in the history of a later one; empty for the same.
    function historyProof(uint64 height, uint64 later) internal view returns (HistoryProof memory proof) {
        if (height != later) proof = History.prove(hashes, later, height);
    }

    /// The root of a map that holds one accumulator of the rollup, `siblings` below it.
    function mapRoot(Accumulator memory accumulator, bytes32[] memory siblings) internal pure returns (bytes32 node) {
        bytes32 key = keccak256(abi.encodePacked(NAMESPACE));
        node = keccak256(abi.encodePacked("JMT::LeafNode", key, keccak256(abi.encode(accumulator))));
        for (uint256 i = 0; i < siblings.length; ++i) {
            node = uint256(key) >> (256 - siblings.length + i) & 1 == 1
                ? keccak256(abi.encodePacked("JMT::IntrnalNode", siblings[i], node))
                : keccak256(abi.encodePacked("JMT::IntrnalNode", node, siblings[i]));
        }
    }

    /// Hands the inbox a block that the light client has or is past.
    function advance(uint64 height, Accumulator memory accumulator, bytes32[] memory siblings) internal {
        uint64 head = client.finalized().height;
        inbox.advance(
            client.finalized().entry,
            ringEntry(head),
            headers[height],
            rest(height),
            historyProof(height, head),
            accumulator,
            siblings
        );
    }

    function depositEther(address sender, uint128 amount) internal returns (uint64) {
        uint256 value = amount + queue.fee();
        vm.prank(sender);
        return queue.deposit{value: value}(address(0), amount, sender);
    }

    function force(address sender, bytes memory transaction) internal returns (uint64) {
        uint256 value = queue.fee();
        vm.prank(sender);
        return queue.forceTx{value: value}(transaction);
    }

    function pass(uint256 blocks) internal {
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + 12 * blocks);
    }

    function _add(Header memory header) private {
        headers.push(header);
        hashes.push(Validators.hashOf(header, rest(header.height)));
    }

    function _commitment(uint64 epoch) private view returns (bytes32) {
        return Validators.commitment(Validators.committee(_members), epoch);
    }
}
