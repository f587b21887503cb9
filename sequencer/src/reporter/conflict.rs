//! EV5 from what nodes on two branches show.
//!
//! A certificate of finality names a block by height and hash. A node on its branch has the block's
//! header; a node on the other branch has another block at that height, and proves that one final.

use std::sync::Arc;

use hotshot_types::{
    Committee, Epoch, FinalityCertificate, Hash, Header, bls::verify_all, finality::FinalityProof,
};
use light_client::evidence::{Proven, conflict};

use super::Source;

/// The call that freezes a light client, if two sources show the two branches. Their certificates
/// are checked against the committees that the sources name; the light client knows the true ones.
pub(super) async fn prove(
    sources: &[Source],
    domain: Hash,
    certificates: [&FinalityCertificate; 2],
) -> Option<Vec<u8>> {
    for certificate in certificates {
        for source in sources {
            let Ok(header) = source.header(certificate.hash()).await else {
                continue;
            };
            let epoch = certificate.round().epoch;
            let Ok(committee) = source.committee(epoch).await else {
                continue;
            };
            let block = Block {
                header,
                certificate: certificate.clone(),
                committee,
            };
            if let Some(call) = against(sources, domain, block).await {
                return Some(call);
            }
        }
    }
    None
}

/// A block with what proves it final.
struct Block {
    header: Header,
    certificate: FinalityCertificate,
    committee: Committee,
}

impl Block {
    fn proven(&self) -> Proven<'_> {
        Proven {
            header: &self.header,
            certificate: &self.certificate,
            committee: &self.committee,
        }
    }

    /// Whether its certificate is on it and of its committee.
    fn holds(&self, domain: Hash) -> bool {
        let committee = Arc::new(self.committee.clone());
        self.certificate.hash() == self.header.hash()
            && self.certificate.height() == self.header.height
            && self.certificate.check_shape(&committee).is_ok()
            && verify_all(&[self.certificate.check(domain, &committee)])
    }
}

/// Looks for a source whose final block at the same height is another one.
async fn against(sources: &[Source], domain: Hash, lower: Block) -> Option<Vec<u8>> {
    let height = lower.header.height;
    let from = lower.header.epoch.max(Epoch::FIRST);
    let lower = Arc::new(lower);
    for source in sources {
        let Ok(proof) = source.finality(height, from).await else {
            continue;
        };
        let FinalityProof {
            certified,
            certificate,
            ancestor,
            ..
        } = proof;
        let shown = ancestor.as_ref().map_or(&certified, |(header, _)| header);
        if shown.height != height || shown.hash() == lower.header.hash() {
            continue;
        }
        let Ok(committee) = source.committee(certificate.round().epoch).await else {
            continue;
        };
        let upper = Block {
            header: certified,
            certificate,
            committee,
        };
        let lower = Arc::clone(&lower);
        let task = tokio::task::spawn_blocking(move || {
            let history = match &ancestor {
                None => None,
                Some((header, proof)) => {
                    let hash = header.hash();
                    if !proof.verify(upper.header.history_root, hash) {
                        return None;
                    }
                    Some((hash, proof))
                }
            };
            (lower.holds(domain) && upper.holds(domain))
                .then(|| conflict(lower.proven(), upper.proven(), history))
                .flatten()
        });
        if let Ok(Some(call)) = task.await {
            return Some(call);
        }
    }
    None
}
