//! An OPD's system on NATS, with nothing but what it was given; and the owner of the stream, who sees everything.

use std::{
    collections::BTreeSet,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions, Event,
    jetstream::{self, Message, consumer::PullConsumer, stream},
};
use contracts::opd::CreateEndpointResponse;
use futures::{StreamExt as _, TryStreamExt as _};
use ntbcare_tests::{World, until};

const SOON: Duration = Duration::from_secs(30);

/// The message's body.
pub fn body(message: &Message) -> serde_json::Value {
    serde_json::from_slice(&message.payload).expect("JSON")
}

/// The delivery id in a message.
pub fn id(message: &Message) -> String {
    body(message)["id"].as_str().expect("an id").to_owned()
}

/// Copies a folder of the bus, with all in it.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(
        copied.expect("cp").success(),
        "{} is not copied",
        from.display()
    );
}

/// An OPD's system.
#[derive(Clone)]
pub struct Desk {
    client: Client,
    consumer: PullConsumer,
    user: String,
    api: String,
    violations: Arc<AtomicUsize>,
    disconnects: Arc<AtomicUsize>,
}

impl Desk {
    /// Gets in and finds its consumer.
    pub async fn connect(world: &World, given: &CreateEndpointResponse) -> Self {
        Self::try_connect(world, given)
            .await
            .expect("the OPD's user gets in")
    }

    /// As [`Desk::connect`], as soon as the service has made it possible again.
    pub async fn connect_when_back(world: &World, given: &CreateEndpointResponse) -> Self {
        until(SOON, "the durable is there again", || async {
            Self::try_connect(world, given).await.is_ok()
        })
        .await;
        Self::connect(world, given).await
    }

    /// As [`Desk::connect`], or what stands in the way.
    pub async fn try_connect(
        world: &World,
        given: &CreateEndpointResponse,
    ) -> Result<Self, async_nats::Error> {
        let (violations, disconnects) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counters = (violations.clone(), disconnects.clone());
        let client =
            ConnectOptions::with_user_and_password(given.nats_user.clone(), given.secret.clone())
                .custom_inbox_prefix(&given.nats_inbox_prefix)
                .event_callback(move |event| {
                    let (violations, disconnects) = counters.clone();
                    async move {
                        match event {
                            Event::ServerError(error)
                                if error.to_string().to_lowercase().contains("violation") =>
                            {
                                violations.fetch_add(1, Ordering::Relaxed);
                            }
                            Event::Disconnected => {
                                disconnects.fetch_add(1, Ordering::Relaxed);
                            }
                            _ => {}
                        }
                    }
                })
                .connect(world.nats.url())
                .await?;
        let js = jetstream::with_prefix(client.clone(), &given.nats_api_prefix);
        let consumer = js.get_consumer_from_stream(&given.nats_user, "OPD").await?;
        Ok(Self {
            client,
            consumer,
            user: given.nats_user.clone(),
            api: given.nats_api_prefix.clone(),
            violations,
            disconnects,
        })
    }

    /// The next message within half a minute.
    pub async fn next(&self) -> Option<Message> {
        self.within(SOON).await
    }

    /// The next message within a time.
    pub async fn within(&self, time: Duration) -> Option<Message> {
        let mut messages = self
            .consumer
            .fetch()
            .max_messages(1)
            .expires(time)
            .messages()
            .await
            .ok()?;
        messages.next().await?.ok()
    }

    /// Whether nothing is left for it.
    pub async fn nothing_more(&self) -> bool {
        self.within(Duration::from_secs(1)).await.is_none()
    }

    /// How often its connection was lost.
    pub fn disconnects(&self) -> usize {
        self.disconnects.load(Ordering::Relaxed)
    }

    async fn is_refused<T>(&self, what: &str, act: impl Future<Output = T>) {
        let before = self.violations.load(Ordering::Relaxed);
        let _held = act.await;
        self.client.flush().await.expect("flushed");
        until(SOON, what, || async {
            self.violations.load(Ordering::Relaxed) > before
        })
        .await;
    }

    /// The server refuses a subscription.
    pub async fn is_refused_to_subscribe(&self, subject: &str) {
        let what = format!("a subscription of {subject} is refused");
        self.is_refused(&what, self.client.subscribe(subject.to_owned()))
            .await;
    }

    /// The server refuses a message.
    pub async fn is_refused_to_publish(&self, subject: &str) {
        let what = format!("a message to {subject} is refused");
        self.is_refused(&what, self.client.publish(subject.to_owned(), "".into()))
            .await;
    }

    /// Asks for its next message, to be sent where it should not be. Whether the server refuses that or sends it where
    /// nobody listens, the pull has been handled when this returns.
    pub async fn pulls_with_reply(&self, reply: &str) {
        let next = format!("{}.CONSUMER.MSG.NEXT.OPD.{}", self.api, self.user);
        let ask = r#"{"batch":1,"no_wait":true}"#;
        self.client
            .publish_with_reply(next, reply.to_owned(), ask.into())
            .await
            .expect("sent");
        self.client.flush().await.expect("flushed");
        // An honest request on the same connection is answered after the forged one was handled.
        let info = format!("{}.CONSUMER.INFO.OPD.{}", self.api, self.user);
        self.client
            .request(info, "".into())
            .await
            .expect("its own consumer");
    }
}

/// The owner of the stream.
pub struct Owner(stream::Stream);

/// Connects as the owner.
pub async fn owner(world: &World) -> Owner {
    let client =
        ConnectOptions::with_user_and_password("opd-owner".into(), world.secrets.opd_owner.clone())
            .connect(world.nats.url())
            .await
            .expect("the owner gets in");
    Owner(
        jetstream::new(client)
            .get_stream("OPD")
            .await
            .expect("the stream"),
    )
}

impl Owner {
    /// The stream's state.
    pub async fn state(&self) -> stream::State {
        self.0.get_info().await.expect("the stream").state
    }

    /// A durable's floor of acknowledgements.
    pub async fn floor(&self, durable: &str) -> u64 {
        let info = self.0.consumer_info(durable).await.expect("the durable");
        info.ack_floor.stream_sequence
    }

    /// Deletes all messages.
    pub async fn purge(&self) {
        self.0.purge().await.expect("purged");
    }

    /// Deletes a durable.
    pub async fn delete_durable(&self, name: &str) {
        self.0.delete_consumer(name).await.expect("deleted");
    }

    /// The durables.
    pub async fn durables(&self) -> BTreeSet<String> {
        self.0.consumer_names().try_collect().await.expect("names")
    }
}
