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

/// What a connection took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Written {
    pub(super) octets: usize,
    /// By how many writes.
    pub(super) writes: u64,
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

    /// Writes many pieces at once, as far as that is possible without waiting. Its bell rings when the stream takes more.
    pub(super) fn write(&mut self) -> io::Result<Written> {
        let Self { stream, waker, pieces, begun, keeps, .. } = self;
        let mut context = Context::from_waker(waker);
        let mut written = Written::default();
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
                    written.octets += octets;
                    written.writes += 1;
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
        Ok(written)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that takes so much with each write, so often, and counts.
    #[derive(Debug)]
    struct Counting {
        room: VecDeque<usize>,
        writes: Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
    }

    impl AsyncRead for Counting {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Counting {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let Some(room) = self.room.pop_front() else { return Poll::Pending };
            let mut octets: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            octets.truncate(room);
            let taken = octets.len();
            self.writes.lock().unwrap().push(octets);
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn many_pieces_leave_by_one_write_and_go_on_where_it_ended() {
        let writes = Arc::default();
        let stream = Counting { room: VecDeque::from([usize::MAX, 7, usize::MAX]), writes: Arc::clone(&writes) };
        let mut wire = Wire::new(LinkId(1), Box::new(stream), &Bells::new(Arc::default()));
        let pieces = |wire: &mut Wire, count: u8| (0..count).for_each(|piece| wire.push(vec![piece; 5]));
        pieces(&mut wire, PIECES_PER_WRITE as u8);
        assert_eq!(wire.write().unwrap(), Written { octets: 5 * PIECES_PER_WRITE, writes: 1 });
        assert!(!wire.has_more());
        pieces(&mut wire, 3);
        // The first takes a piece and a part of the next.
        assert_eq!(wire.write().unwrap(), Written { octets: 15, writes: 2 });
        pieces(&mut wire, 1);
        assert_eq!(wire.write().unwrap(), Written::default(), "it takes no more");
        assert!(wire.has_more());
        let taken: Vec<u8> = writes.lock().unwrap().concat();
        let wanted: Vec<u8> = (0..PIECES_PER_WRITE as u8).chain(0..3).flat_map(|piece| [piece; 5]).collect();
        assert_eq!(taken, wanted);
    }
}
