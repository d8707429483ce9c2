//! What the portal serves to other services: what the channel `web` can do.

use contracts::channel::{Capabilities, DescribeRequest, channel_service_server::ChannelService};
use tonic::{Request, Response, Status};

use crate::domain::report;

/// The channel `web`: people come to the page, nothing is sent to them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Web;

#[tonic::async_trait]
impl ChannelService for Web {
    async fn describe(
        &self,
        _: Request<DescribeRequest>,
    ) -> Result<Response<Capabilities>, Status> {
        Ok(Response::new(Capabilities {
            channel: "web".into(),
            private_reply: true,
            max_characters: report::MAX_TEXT as u32,
            media_types: ["image/jpeg", "image/png", "image/webp"]
                .map(Into::into)
                .into(),
            asks_location: true,
            pull: true,
            ..Capabilities::default()
        }))
    }
}
