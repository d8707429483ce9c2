//! A bus that delivers everything twice and out of order: a proxy before NATS. It passes on all that a client sends, and all
//! that the server answers but the messages of consumers; those it holds for a moment and sends on shuffled, each
//! twice, the second time at once or among later ones.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use tokio::{
    io::{self, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::mpsc,
};

/// How long a message is held at most.
const HELD_FOR: Duration = Duration::from_millis(40);
/// How many are held at most.
const HELD: usize = 48;

/// What the bus did to its clients.
#[derive(Debug, Default)]
pub struct Mischief {
    /// Messages that came from the server.
    pub messages: AtomicU64,
    /// Messages that were passed on after one that had come later.
    pub overtaken: AtomicU64,
}

/// Starts a hostile bus before the NATS server at `port`; returns its own port. It lives as long as the runtime.
pub async fn before(port: u16, seed: u64) -> (u16, Arc<Mischief>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let at = listener.local_addr().expect("bound").port();
    let mischief = Arc::<Mischief>::default();
    let counted = mischief.clone();
    tokio::spawn(async move {
        let mut connections = 0;
        while let Ok((client, _)) = listener.accept().await {
            connections += 1;
            let random = StdRng::seed_from_u64(seed.wrapping_add(connections));
            tokio::spawn(between(client, port, random, counted.clone()));
        }
    });
    (at, mischief)
}

// Ends when either side ends: both then close, as a broken connection does.
async fn between(client: TcpStream, port: u16, random: StdRng, mischief: Arc<Mischief>) {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let (frames, held) = mpsc::channel(1_024);
    tokio::select! {
        _ = io::copy(&mut from_client, &mut to_server) => {}
        _ = read(from_server, frames) => {}
        _ = pass_on(held, to_client, random, &mischief) => {}
    }
}

struct Frame {
    bytes: Vec<u8>,
    /// Whether a consumer is to acknowledge it.
    delivery: bool,
    number: u64,
}

/// Cuts what the server sends into frames: a line, and what its last number announces.
async fn read(from: OwnedReadHalf, frames: mpsc::Sender<Frame>) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut number = 0;
    loop {
        let mut bytes = Vec::new();
        if from.read_until(b'\n', &mut bytes).await? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&bytes).into_owned();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let mut delivery = false;
        // MSG subject sid [reply] bytes; HMSG subject sid [reply] bytes-of-headers bytes.
        if let (Some("MSG" | "HMSG"), Some(length)) = (words.first().copied(), words.last()) {
            let length: usize = length
                .parse()
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            let payload = bytes.len();
            bytes.resize(payload + length + 2, 0);
            from.read_exact(&mut bytes[payload..]).await?;
            delivery = words.get(3).is_some_and(|w| w.starts_with("$JS.ACK."));
        }
        number += 1;
        let frame = Frame {
            bytes,
            delivery,
            number,
        };
        if frames.send(frame).await.is_err() {
            return Ok(());
        }
    }
}

async fn pass_on(
    mut frames: mpsc::Receiver<Frame>,
    mut to: OwnedWriteHalf,
    mut random: StdRng,
    mischief: &Mischief,
) -> io::Result<()> {
    let mut held: Vec<Arc<Frame>> = Vec::new();
    let mut later: Vec<Arc<Frame>> = Vec::new();
    let mut until = tokio::time::Instant::now();
    loop {
        let waits = !(held.is_empty() && later.is_empty());
        let frame = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => Some(frame),
                None => return Ok(()),
            },
            () = tokio::time::sleep_until(until), if waits => None,
        };
        match frame {
            Some(frame) if !frame.delivery => {
                to.write_all(&frame.bytes).await?;
                continue;
            }
            Some(frame) => {
                mischief.messages.fetch_add(1, Ordering::Relaxed);
                if !waits {
                    until = tokio::time::Instant::now() + HELD_FOR;
                }
                held.push(Arc::new(frame));
                if held.len() < HELD {
                    continue;
                }
            }
            None => {}
        }
        let mut out = std::mem::take(&mut later);
        for frame in held.drain(..) {
            if random.random_bool(0.5) {
                later.push(frame.clone());
            } else {
                out.push(frame.clone());
            }
            out.push(frame);
        }
        out.shuffle(&mut random);
        let mut newest = 0;
        for frame in out {
            if frame.number < newest {
                mischief.overtaken.fetch_add(1, Ordering::Relaxed);
            }
            newest = newest.max(frame.number);
            to.write_all(&frame.bytes).await?;
        }
        until = tokio::time::Instant::now() + HELD_FOR;
    }
}
