//! How does an application define jobs of its own?
//!
//! One enum, one payload for each variant, one text for each payload. The derives write the creators, the wire form and
//! the match from job to text; a placeholder without a field, or a variant without a text, does not compile.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use queue::provider::Mock;
use queue::sms::{PhoneNumber, SmsMessage};
use queue::{Job, Payload, Priority, Queue, Template, Worker};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tells a customer where the parcel is.
#[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(
    source = "{{name}}, your parcel {{parcel.number}} is at {{parcel.shop}}.{{#if cash_on_delivery}} Please bring cash.{{/if}}"
)]
pub struct ParcelReady {
    /// Whom it is for.
    pub recipient: PhoneNumber,
    /// How the customer is called.
    pub name: String,
    /// What is ready.
    pub parcel: Parcel,
    /// Whether it must be paid for.
    pub cash_on_delivery: bool,
}

/// A part of a payload; it has no text of its own.
#[derive(Payload, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Parcel {
    /// Its number.
    #[payload(public)]
    pub number: u32,
    /// Where it waits.
    pub shop: String,
}

/// Opens a locker.
#[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(source = "{{pin}} opens locker {{locker}}.")]
pub struct LockerPin {
    /// Whom it is for.
    pub recipient: PhoneNumber,
    /// Which locker.
    #[template(public)]
    pub locker: u8,
    /// Wiped from the store as soon as the job is over, and never shown.
    #[template(secret)]
    pub pin: String,
}

/// Everything that this application sends to customers.
#[derive(Job, Clone)]
#[job(queue = "parcels", message = SmsMessage)]
pub enum ParcelJob {
    /// Whenever there is room.
    #[job(priority = "low")]
    Ready(ParcelReady),
    /// Soon, at most once, and not after two hours.
    #[job(priority = "high", expires_after = "2h", unknown = "stop")]
    Locker(LockerPin),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let queue = Queue::<ParcelJob>::open("memory:").await?;
    let recipient: PhoneNumber = "0712 345 678".parse()?;

    let parcel = Parcel {
        number: 4711,
        shop: "Moi Avenue".into(),
    };
    let ready = ParcelReady {
        recipient,
        name: "Wanjiru".into(),
        parcel,
        cash_on_delivery: true,
    };
    let pin = LockerPin {
        recipient,
        locker: 12,
        pin: "90210".into(),
    };
    println!("to a log:  {:?}", ParcelJob::Locker(pin.clone()));

    // The derive wrote one creator for each variant.
    create_ready_parcel_job(&queue, ready).await?;
    create_locker_parcel_job(&queue, pin)
        .priority(Priority::Critical)
        .await?;

    let inbox = Mock::<SmsMessage>::new();
    Worker::new(queue, inbox.clone()).run_until_empty().await?;
    for message in inbox.sent() {
        println!("delivered: {}", message.text.as_str());
    }
    for kind in ParcelJobKind::ALL {
        let info = kind.info();
        println!("kind:      {}, {} by default", kind.name(), info.priority);
    }
    Ok(())
}
