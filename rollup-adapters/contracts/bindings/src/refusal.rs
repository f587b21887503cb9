//! Why a contract refused, in sentences that say what to do.

use alloy_sol_types::SolInterface as _;
use light_client::{refusal, rpc::ViewError, send::SendError};

use crate::abi::{
    from_address, inbox::IRollupInbox::IRollupInboxErrors as Inbox,
    queue::IL1MessageQueue::IL1MessageQueueErrors as Queue, token::IToken::ITokenErrors as Token,
    vault::IWithdrawalVault::IWithdrawalVaultErrors as Vault,
};

/// What a reverted call's data says; the light client's errors too.
#[must_use]
pub fn sentence(data: &[u8]) -> String {
    if let Ok(error) = Queue::abi_decode(data) {
        return queue(&error);
    }
    if let Ok(error) = Inbox::abi_decode(data) {
        return inbox(&error);
    }
    if let Ok(error) = Vault::abi_decode(data) {
        return vault(&error);
    }
    if let Ok(error) = Token::abi_decode(data) {
        return token(&error);
    }
    refusal::sentence(data)
}

/// Why a transaction to these contracts did not do what it was to do.
#[must_use]
pub fn explained(error: &SendError) -> String {
    match error {
        SendError::Refused(data) => sentence(data),
        other => other.to_string(),
    }
}

/// Why a view of these contracts said nothing.
#[must_use]
pub fn unread(error: &ViewError) -> String {
    match error {
        ViewError::Refused(data) => sentence(data),
        other => other.to_string(),
    }
}

fn queue(error: &Queue) -> String {
    match error {
        Queue::L1MessageQueue_NotHome(e) => format!(
            "this L1 is a replica: deposits and forced transactions go to the queue on the home L1, chain {}",
            e.homeChainId
        ),
        Queue::L1MessageQueue_DepositsOff(_) => "this rollup takes no deposits".into(),
        Queue::L1MessageQueue_ZeroAmount(_) => "nothing to deposit: the amount is zero".into(),
        Queue::L1MessageQueue_ZeroRecipient(_) => "a deposit needs a recipient on the rollup".into(),
        Queue::L1MessageQueue_TooLittleEther(e) => format!(
            "{} wei were sent and {} are needed, with the queue's fee: others were faster, ask for the fee again",
            e.sent, e.needed
        ),
        Queue::L1MessageQueue_RefundFailed(_) => {
            "the ether beyond what is needed could not be paid back: send the exact amount".into()
        }
        Queue::L1MessageQueue_AboveCap(e) => format!(
            "the escrow would hold {} wei, and its cap is {}: deposit less",
            e.escrow, e.cap
        ),
        Queue::L1MessageQueue_NoToken(e) => {
            format!("there is no token at {}: correct the address", from_address(e.token))
        }
        Queue::L1MessageQueue_WrongTransfer(e) => format!(
            "the escrow got {} instead of {} of the token: tokens that take a fee can't be deposited",
            e.found, e.expected
        ),
        Queue::L1MessageQueue_EscrowFailed(_) => "the vault did not take the ether: is it this queue's?".into(),
        Queue::L1MessageQueue_TooLong(e) => format!(
            "the transaction has {} bytes, and {} can be forced",
            e.length, e.limit
        ),
        Queue::L1MessageQueue_TooLittleGas(_) => "the transaction has too little gas: offer what an estimate says".into(),
        Queue::L1MessageQueue_NoCheckpoint(e) => format!(
            "there is no checkpoint {}: the newest is {}, and the queue remembers 256",
            e.number, e.checkpoints
        ),
        Queue::L1MessageQueue_WrongHint(e) => format!(
            "checkpoint {} is not the newest up to that L1 block",
            e.hint
        ),
        Queue::L1MessageQueue_FutureBlock(e) => format!("L1 block {} is still to come", e.l1Block),
        Queue::L1MessageQueue_NotCovered(_) => "the inbox knows no more messages to be covered than the queue does: advance it first".into(),
        Queue::L1MessageQueue_InvalidParameter(_) => "the contracts were not made for each other: deploy them again, with no other transaction between".into(),
        Queue::L1MessageQueue_CollectFailed(_) => "the account of the fees did not take them".into(),
    }
}

fn inbox(error: &Inbox) -> String {
    match error {
        Inbox::RollupInbox_StaleHeight(e) => format!(
            "block {} is not above {}, which the inbox knows: somebody else was faster",
            e.height, e.known
        ),
        Inbox::RollupInbox_NotHome(e) => format!(
            "this L1 is a replica: messages are forced on the home L1, chain {}",
            e.homeChainId
        ),
        Inbox::RollupInbox_Frozen(_) => "the light client is frozen, for two final blocks contradict each other: nothing can be forced".into(),
        Inbox::RollupInbox_Covered(e) => format!(
            "the message is covered: the light client's newest block takes up messages of L1 blocks up to {}, pins the first {} messages",
            e.l1Number, e.pinned
        ),
        Inbox::RollupInbox_TooEarly(e) => format!(
            "the message can be forced from {} on (Unix time in seconds)",
            e.until
        ),
        Inbox::RollupInbox_InvalidParameter(_) => "a parameter that no rollup can have".into(),
    }
}

fn vault(error: &Vault) -> String {
    match error {
        Vault::WithdrawalVault_NotSettler(_) => "only the settler settles".into(),
        Vault::WithdrawalVault_NotHome(e) => format!(
            "this L1 is a replica: withdrawals are paid on the home L1, chain {}",
            e.homeChainId
        ),
        Vault::WithdrawalVault_OtherChain(e) => {
            format!("this withdrawal is paid on the L1 with chain id {}", e.chainId)
        }
        Vault::WithdrawalVault_NothingSettled(_) => "nothing is settled yet: withdrawals can be claimed once the vault has a root".into(),
        Vault::WithdrawalVault_NotSettled(_) => {
            "the settled root does not hold this withdrawal: it is not settled yet, or the proof is for another root".into()
        }
        Vault::WithdrawalVault_AlreadyClaimed(e) => {
            format!("withdrawal {} was paid already", e.index)
        }
        Vault::WithdrawalVault_PaymentFailed(_) => "the recipient did not take the ether: the withdrawal stays open".into(),
        Vault::WithdrawalVault_WrongTransfer(e) => format!(
            "the token took {} from the escrow instead of {}: the withdrawal stays open",
            e.found, e.expected
        ),
        Vault::WithdrawalVault_NotQueue(_) => "ether comes into the vault by a deposit at the queue only".into(),
    }
}

fn token(error: &Token) -> String {
    match error {
        Token::SafeERC20FailedOperation(e) => {
            format!("the token {} refused", from_address(e.token))
        }
        Token::ReentrancyGuardReentrantCall(_) => "a call from within a call is refused".into(),
        Token::ERC20InsufficientBalance(e) => format!(
            "{} has {} of the token and needs {} (in its smallest unit)",
            from_address(e.sender),
            e.balance,
            e.needed
        ),
        Token::ERC20InsufficientAllowance(e) => format!(
            "the queue may take {} of the token and needs {} (in its smallest unit): approve it first",
            e.allowance, e.needed
        ),
    }
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolError as _;

    use super::*;
    use crate::abi::{U256, queue::IL1MessageQueue, vault::IWithdrawalVault};

    /// That each error has one, `match` sees to; that none is hidden behind another interface, this.
    #[test]
    fn errors_of_all_contracts_have_sentences() {
        let all = [
            Queue::SELECTORS,
            Inbox::SELECTORS,
            Vault::SELECTORS,
            Token::SELECTORS,
        ];
        for selector in all.concat() {
            // Of these errors none says more than three words.
            let is_told = (0..=3).any(|words| {
                let data = [&selector[..], &[0; 32].repeat(words)].concat();
                sentence(&data) != refusal::sentence(&data)
            });
            assert!(is_told, "{selector:x?}");
        }
        let home = IL1MessageQueue::L1MessageQueue_NotHome {
            homeChainId: U256::from(31_337),
        };
        assert!(sentence(&home.abi_encode()).ends_with("on the home L1, chain 31337"));
        let paid = IWithdrawalVault::WithdrawalVault_AlreadyClaimed { index: 4 };
        assert_eq!(
            sentence(&paid.abi_encode()),
            "withdrawal 4 was paid already"
        );
        assert!(sentence(&[]).contains("deployed at this address"));
    }
}
