//! A connected link: read and written by the loop itself, at once where that is possible, so that a packet is handed to no other task on
//! its way. A bell tells the loop which links there is something to do for.

use super::Stream;
use crate::bridge::LinkId;
use crossbeam::queue::SegQueue;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;

/// Pieces that one vectored write takes.
const PIECES_PER_WRITE: usize = 16;

/// The links that something can be read from, or written to again; each is in the queue once at most.
#[derive(Debug)]
pub(super) struct Bells {
    rung: SegQueue<LinkId>,
    woken: Arc<Notify>,
}

impl Bells {
    /// Bells that wake whom `woken` wakes.
    pub(super) fn new(woken: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { rung: SegQueue::new(), woken })
    }

    /// How many bells rang.
    pub(super) fn rung(&self) -> usize {
        self.rung.len()
    }

    /// The next link whose bell rang.
    pub(super) fn next(&self) -> Option<LinkId> {
        self.rung.pop()
    }
}

/// The bell of a link: what its socket wakes.
struct Bell {
    id: LinkId,
    is_rung: AtomicBool,
    bells: Arc<Bells>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            self.bells.rung.push(self.id);
            self.bells.woken.notify_one();
        }
    }
}

/// A link's connection, and what is not written to it yet.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    bell: Arc<Bell>,
    waker: Waker,
    pieces: VecDeque<Vec<u8>>,
    /// Octets of the first piece that are written.
    begun: usize,
    /// Whether the stream may keep octets that it took.
    keeps: bool,
}

impl Wire {
    /// A connection; its bell rings for a first look.
    pub(super) fn new(id: LinkId, stream: Box<dyn Stream>, bells: &Arc<Bells>) -> Self {
        let bell = Arc::new(Bell { id, is_rung: AtomicBool::new(false), bells: Arc::clone(bells) });
        let waker = Waker::from(Arc::clone(&bell));
        bell.wake_by_ref();
        Self { stream, bell, waker, pieces: VecDeque::new(), begun: 0, keeps: false }
    }

    /// Before it is looked at: from now on its bell rings again.
    pub(super) fn heard(&self) {
        self.bell.is_rung.store(false, Ordering::Release);
    }

    /// There is more to do than this turn has time for.
    pub(super) fn ring(&self) {
        self.bell.wake_by_ref();
    }

    /// Reads what is there; 0 octets are the end. Its bell rings when there is more where this is pending.
    pub(super) fn poll_read(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let polled = Pin::new(&mut self.stream).poll_read(&mut Context::from_waker(&self.waker), &mut buffer);
        polled.map_ok(|()| buffer.filled().len())
    }

    /// These octets are to be written, behind what there was.
    pub(super) fn push(&mut self, octets: Vec<u8>) {
        if !octets.is_empty() {
            self.pieces.push_back(octets);
        }
    }

    /// Whether something is not written yet.
    pub(super) fn has_more(&self) -> bool {
        self.keeps || !self.pieces.is_empty()
    }

    /// Writes many pieces at once, as far as that is possible without waiting; how many octets the stream took. Its bell rings
    /// when it takes more.
    pub(super) fn write(&mut self) -> io::Result<usize> {
        let Self { stream, waker, pieces, begun, keeps, .. } = self;
        let mut context = Context::from_waker(waker);
        let mut taken = 0;
        while !pieces.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES_PER_WRITE];
            let mut skipped = *begun;
            for (slice, piece) in slices.iter_mut().zip(pieces.iter()) {
                *slice = IoSlice::new(&piece[std::mem::take(&mut skipped)..]);
            }
            let slices = &slices[..pieces.len().min(PIECES_PER_WRITE)];
            match Pin::new(&mut *stream).poll_write_vectored(&mut context, slices)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(octets) => {
                    taken += octets;
                    *keeps = true;
                    *begun += octets;
                    while let Some(first) = pieces.front().filter(|first| first.len() <= *begun) {
                        *begun -= first.len();
                        pieces.pop_front();
                    }
                }
                Poll::Pending => break,
            }
        }
        if *keeps && Pin::new(stream).poll_flush(&mut context)?.is_ready() {
            *keeps = false;
        }
        Ok(taken)
    }

    /// Writes what is left, and ends the connection.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        let mut begun = self.begun;
        for piece in &self.pieces {
            self.stream.write_all(&piece[std::mem::take(&mut begun)..]).await?;
        }
        self.stream.shutdown().await
    }
}
