//! One client's connection: lines in, lines out.

use super::Input;
use crate::limits::{LINE_BYTES, STALL};
use crate::session::SessionId;
use router::time::Duration;
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;

/// How long a connection that was ended is read and discarded: a close with unread input would be a reset, which can take
/// the last lines away from the peer.
const LINGER: Duration = Duration::from_secs(1);

/// What can be read from and written to as a stream.
pub(super) trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

/// A connection of either kind.
pub(super) type Stream = Box<dyn ReadWrite>;

/// Runs a connection to its end, which it reports last.
pub(super) async fn run(stream: Stream, id: SessionId, inputs: mpsc::Sender<Input>, output: mpsc::Receiver<String>) {
    let (reader, writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    {
        let mut writing = std::pin::pin!(write(writer, id, &inputs, output));
        let reading = read(&mut reader, id, &inputs);
        tokio::select! {
            () = &mut writing => {}
            () = reading => writing.await,
        }
    }
    let mut sink = tokio::io::sink();
    let rest = async { tokio::io::copy(&mut reader.take(4 * LINE_BYTES as u64), &mut sink).await };
    let _ = tokio::time::timeout(LINGER, rest).await;
    let _ = inputs.send(Input::Closed(id)).await;
}

/// Tells a client the one line that it gets, and closes the connection.
pub(super) async fn turn_away(stream: Stream, line: String) {
    let (reader, mut writer) = tokio::io::split(stream);
    let told = async {
        writer.write_all(format!("{line}\n").as_bytes()).await?;
        writer.shutdown().await?;
        tokio::io::copy(&mut reader.take(LINE_BYTES as u64), &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(LINGER, told).await;
}

/// Writes what the core gives, until it gives no more or the peer takes none.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    id: SessionId,
    inputs: &mpsc::Sender<Input>,
    mut output: mpsc::Receiver<String>,
) {
    while let Some(mut line) = output.recv().await {
        line.push('\n');
        match tokio::time::timeout(STALL, writer.write_all(line.as_bytes())).await {
            Ok(Ok(())) => {
                if inputs.send(Input::Written(id)).await.is_err() {
                    break;
                }
            }
            Ok(Err(_)) | Err(_) => break,
        }
    }
    let _ = tokio::time::timeout(LINGER, writer.shutdown()).await;
}

/// Reads lines to the end of the input.
async fn read(reader: &mut (impl AsyncBufReadExt + Unpin), id: SessionId, inputs: &mpsc::Sender<Input>) {
    loop {
        let input = match line(reader).await {
            Ok(Some(line)) => {
                // What is no UTF-8 is no JSON (RFC 8259 §8.1), and is answered so.
                let line = std::str::from_utf8(&line).unwrap_or("\u{fffd}").trim();
                if line.is_empty() {
                    continue;
                }
                Input::Line(id, line.to_owned())
            }
            Ok(None) => Input::End(id),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Input::Overlong(id),
            Err(_) => Input::End(id),
        };
        let last = !matches!(input, Input::Line(..));
        if inputs.send(input).await.is_err() || last {
            return;
        }
    }
}

/// A line without its end; `None` at the end of the input. `InvalidData`: it is too long.
async fn line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = available.iter().position(|&byte| byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        if line.len() + part.len() > LINE_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        line.extend_from_slice(part);
        let taken = part.len() + usize::from(end.is_some());
        reader.consume(taken);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_told_apart_and_bounded() {
        let mut reader = BufReader::with_capacity(3, &b"one\r\n\ntwo"[..]);
        assert_eq!(line(&mut reader).await.unwrap().as_deref(), Some(&b"one\r"[..]));
        assert_eq!(line(&mut reader).await.unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(line(&mut reader).await.unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(line(&mut reader).await.unwrap(), None);
        let long = vec![b'x'; LINE_BYTES + 1];
        assert_eq!(line(&mut &long[..]).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_line_that_is_no_utf_8_is_nothing_that_could_be_read() {
        let (inputs, mut taken) = mpsc::channel(4);
        read(&mut &b"{\"topic\":\"\xff\"}\n{}\n"[..], SessionId(1), &inputs).await;
        let mut lines = Vec::new();
        while let Ok(Input::Line(_, line)) = taken.try_recv() {
            lines.push(line);
        }
        assert_eq!(lines, ["\u{fffd}", "{}"]);
    }
}
