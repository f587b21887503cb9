//! Liveness of a connection: each side sends a probe now and then and expects its echo.
//!
//! A host that vanished without closing its connections is noticed by its silence; anything that comes in counts as
//! a sign of life, so a busy connection whose echo is late is not taken for dead.

use std::{io, pin::pin, time::Duration};

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use tokio::time::{Instant, sleep, timeout};

use super::{
    directory::PulseRecord,
    link::{Fault, LinkContext},
};

const PROBE_BYTES: usize = 8;

/// Echoes are spaced at least this far apart, which bounds what a flood of probes costs us.
const ECHO_SPACING: Duration = Duration::from_millis(20);

/// Sends probes until the connection dies.
pub(crate) async fn probe(context: &LinkContext, mut stream: Stream) -> Result<(), Fault> {
    let limit = context.config.silence_limit;
    for count in 0_u64.. {
        let sent = Instant::now();
        let echo = exchange(&mut stream, count.to_be_bytes());
        if !wait_while_heard(echo, limit, &context.pulse).await? {
            return Err(Fault::ForeignEcho);
        }
        context.pulse.record_rtt(sent.elapsed());
        context.pulse.hear();
        sleep(context.config.pulse_interval).await;
    }
    Ok(())
}

async fn exchange(stream: &mut Stream, probe: [u8; PROBE_BYTES]) -> io::Result<bool> {
    stream.write_all(&probe).await?;
    stream.flush().await?;
    let mut echo = [0; PROBE_BYTES];
    stream.read_exact(&mut echo).await?;
    Ok(echo == probe)
}

async fn wait_while_heard(
    echo: impl Future<Output = io::Result<bool>>,
    limit: Duration,
    pulse: &PulseRecord,
) -> Result<bool, Fault> {
    let mut echo = pin!(echo);
    loop {
        match timeout(limit, &mut echo).await {
            Ok(matches) => return matches.map_err(Fault::Broken),
            Err(_) if pulse.silence() < limit => {}
            Err(_) => return Err(Fault::Silent),
        }
    }
}

/// Echoes the peer's probes until it closes the stream.
pub(crate) async fn echo(context: &LinkContext, mut stream: Stream) -> Result<(), Fault> {
    let mut probe = [0; PROBE_BYTES];
    // An end of the stream means that the connection closes; its loss is reported by others.
    while stream.read_exact(&mut probe).await.is_ok() {
        context.pulse.hear();
        stream.write_all(&probe).await.map_err(Fault::Broken)?;
        stream.flush().await.map_err(Fault::Broken)?;
        sleep(ECHO_SPACING).await;
    }
    Ok(())
}
