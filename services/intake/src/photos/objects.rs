//! Where the sealed bytes of attachments stand: a local folder, or a bucket.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use serde::Deserialize;

/// Settings of the attachment store. With `bucket` it is S3 or compatible, else the folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectsConfig {
    /// Folder for attachments when no bucket is named; made when missing.
    pub folder: PathBuf,
    /// Name of the bucket; empty: the folder is used.
    pub bucket: String,
    /// Region of the bucket.
    pub region: String,
    /// Endpoint of a compatible store; empty: the region's own.
    pub endpoint: String,
    /// Access key; empty: from the environment of the process or its machine's role.
    pub access_key_id: String,
    /// Secret of the access key.
    pub secret_access_key: String,
    /// Whether plain HTTP is allowed (for a store on the same host only).
    pub allow_http: bool,
}

impl Default for ObjectsConfig {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("var/attachments"),
            bucket: String::new(),
            region: "ap-southeast-3".to_owned(),
            endpoint: String::new(),
            access_key_id: String::new(),
            secret_access_key: String::new(),
            allow_http: false,
        }
    }
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The folder cannot be made.
    #[error("the attachment folder cannot be made")]
    Folder(#[source] std::io::Error),
    /// The settings do not make a store.
    #[error("the attachment store cannot be opened")]
    Store(#[source] object_store::Error),
}

/// Opens the store; touches the disk (to make the folder), never the network.
pub fn open(config: &ObjectsConfig) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    if config.bucket.is_empty() {
        std::fs::create_dir_all(&config.folder).map_err(ObjectsError::Folder)?;
        let store =
            LocalFileSystem::new_with_prefix(&config.folder).map_err(ObjectsError::Store)?;
        return Ok(Arc::new(store));
    }
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_allow_http(config.allow_http);
    if !config.endpoint.is_empty() {
        builder = builder.with_endpoint(&config.endpoint);
    }
    if !config.access_key_id.is_empty() {
        builder = builder
            .with_access_key_id(&config.access_key_id)
            .with_secret_access_key(&config.secret_access_key);
    }
    Ok(Arc::new(builder.build().map_err(ObjectsError::Store)?))
}
