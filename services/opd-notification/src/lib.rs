//! opd-notification
