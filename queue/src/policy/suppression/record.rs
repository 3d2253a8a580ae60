//! How an entry is stored: keys and JSON in the backend's records.

use serde::{Deserialize, Serialize};

use super::entry::{
    Sender, SuppressionEntry, SuppressionReason, SuppressionScope, SuppressionSource,
};
use crate::backend::{BackendError, BackendErrorKind, Record, RecordKey, Space};
use crate::clock::Timestamp;
use crate::job::RecipientKey;

/// Where the entries are.
pub(super) const SPACE: Space = Space::new("suppression");

/// What is under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Stored {
    /// Messages are stopped, until the record expires.
    Suppressed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        masked: Option<String>,
        reason: SuppressionReason,
        source: SuppressionSource,
        since: Timestamp,
    },
    /// They were, and no longer are. Kept for a while, so that older reports change nothing.
    Lifted { at: Timestamp },
}

/// The key of what is stored of `recipient` and `scope`: the recipient first, so that all of one are together.
pub(super) fn key(
    recipient: &RecipientKey,
    scope: &SuppressionScope,
) -> Result<RecordKey, BackendError> {
    let recipient = recipient.to_hex();
    let text = match scope {
        SuppressionScope::Everything => recipient,
        SuppressionScope::Sender(sender) => format!("{recipient}/{}", sender.as_str()),
    };
    // Both parts were checked when they were made.
    RecordKey::new(text).map_err(|error| {
        BackendError::new(BackendErrorKind::Corrupt, "a suppression key is malformed")
            .caused_by(error)
    })
}

/// What [`key`] was made from.
pub(super) fn parts(key: &RecordKey) -> Option<(RecipientKey, SuppressionScope)> {
    match key.as_str().split_once('/') {
        None => Some((key.as_str().parse().ok()?, SuppressionScope::Everything)),
        Some((recipient, sender)) => {
            let sender = Sender::new(sender).ok()?;
            Some((recipient.parse().ok()?, SuppressionScope::Sender(sender)))
        }
    }
}

pub(super) fn encode(stored: &Stored) -> Result<Vec<u8>, BackendError> {
    serde_json::to_vec(stored).map_err(|error| {
        BackendError::new(
            BackendErrorKind::Io,
            "a suppression entry can't be written as JSON",
        )
        .caused_by(error)
    })
}

pub(super) fn decode(record: &Record) -> Result<Stored, BackendError> {
    serde_json::from_slice(&record.value).map_err(|_| {
        // Not with its cause, which would quote the entry.
        BackendError::new(
            BackendErrorKind::Corrupt,
            "a suppression entry is not what this version of the library writes",
        )
    })
}

/// The entry in a record; `None` when it was lifted.
pub(super) fn entry(
    recipient: RecipientKey,
    scope: SuppressionScope,
    record: &Record,
) -> Result<Option<SuppressionEntry>, BackendError> {
    Ok(match decode(record)? {
        Stored::Suppressed {
            masked,
            reason,
            source,
            since,
        } => Some(SuppressionEntry {
            recipient,
            masked,
            scope,
            reason,
            source,
            since,
            until: record.expires_at,
        }),
        Stored::Lifted { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str) -> Record {
        Record {
            value: json.as_bytes().to_vec(),
            revision: 1,
            expires_at: None,
        }
    }

    #[test]
    fn keys_are_told_apart_and_read_back() {
        let recipient = RecipientKey::new("sms", "+254712345678");
        let sender = |text: &str| SuppressionScope::Sender(Sender::new(text).unwrap());
        for scope in [SuppressionScope::Everything, sender("SALUM"), sender("a/b")] {
            let key = key(&recipient, &scope).unwrap();
            assert_eq!(parts(&key), Some((recipient, scope)));
            assert!(!key.as_str().contains("712345678"));
        }
        assert_eq!(parts(&RecordKey::new("no key").unwrap()), None);
    }

    #[test]
    fn the_stored_form_is_stable() {
        let stored = Stored::Suppressed {
            masked: Some("+254*******78".to_owned()),
            reason: SuppressionReason::OptedOut,
            source: SuppressionSource::Provider("salum".to_owned()),
            since: Timestamp::from_millis(5),
        };
        let json = r#"{"state":"suppressed","masked":"+254*******78","reason":"opted_out","source":{"provider":"salum"},"since":5}"#;
        assert_eq!(encode(&stored).unwrap(), json.as_bytes());
        assert_eq!(decode(&record(json)).unwrap(), stored);
        let lifted = Stored::Lifted {
            at: Timestamp::from_millis(7),
        };
        assert_eq!(encode(&lifted).unwrap(), br#"{"state":"lifted","at":7}"#);
    }

    #[test]
    fn a_reason_of_a_newer_version_still_stops() {
        let newer = record(
            r#"{"state":"suppressed","reason":"from_the_future","source":"import","since":5}"#,
        );
        let recipient = RecipientKey::new("sms", "+254712345678");
        let entry = entry(recipient, SuppressionScope::Everything, &newer)
            .unwrap()
            .unwrap();
        assert_eq!(entry.reason, SuppressionReason::Other);
        assert!(decode(&record("{}")).is_err());
    }
}
