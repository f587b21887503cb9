//! Frames on a stream: a big-endian `u32` length, then that many bytes.
//!
//! The length is checked against the cap before anything is allocated (B3). The buffer is allocated zeroed, so the
//! system commits its pages only as bytes come in.

use std::io;

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {size} bytes is over the cap of {cap}")]
    Oversized { size: usize, cap: usize },
    #[error("the stream ended within a frame")]
    Truncated,
    #[error("a frame took too long")]
    Stalled,
    #[error(transparent)]
    Io(io::Error),
}

/// Reads the next frame; `None` is an end of the stream between two frames.
pub(crate) async fn read_frame<R>(reader: &mut R, cap: usize) -> Result<Option<Bytes>, FrameError>
where
    R: AsyncRead + Unpin,
{
    match read_length(reader).await? {
        Some(size) => read_payload(reader, size, cap).await.map(Some),
        None => Ok(None),
    }
}

/// Reads what follows a length.
pub(crate) async fn read_payload<R>(
    reader: &mut R,
    size: usize,
    cap: usize,
) -> Result<Bytes, FrameError>
where
    R: AsyncRead + Unpin,
{
    if size > cap {
        return Err(FrameError::Oversized { size, cap });
    }
    let mut payload = vec![0; size];
    reader.read_exact(&mut payload).await.map_err(cut_short)?;
    Ok(Bytes::from(payload))
}

/// Reads the length of the next frame; `None` is an end of the stream between two frames.
pub(crate) async fn read_length<R>(reader: &mut R) -> Result<Option<usize>, FrameError>
where
    R: AsyncRead + Unpin,
{
    let mut length = [0; 4];
    let first = reader.read(&mut length).await.map_err(FrameError::Io)?;
    if first == 0 {
        return Ok(None);
    }
    reader
        .read_exact(&mut length[first..])
        .await
        .map_err(cut_short)?;
    // A length beyond the address space is beyond every cap.
    Ok(Some(
        usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX),
    ))
}

fn cut_short(error: io::Error) -> FrameError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        FrameError::Truncated
    } else {
        FrameError::Io(error)
    }
}

/// Writes one frame without flushing. A buffered writer joins small frames and passes large payloads on uncopied.
pub(crate) async fn write_frame<W>(writer: &mut W, payload: &Bytes) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    writer.write_all(&length.to_be_bytes()).await?;
    writer.write_all(payload).await
}

#[cfg(test)]
mod tests;
