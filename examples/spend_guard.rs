//! What becomes of an SMS pumping attempt, of somebody who said stop, and of a campaign at night?
//!
//! A script asks for codes to numbers that its owner earns from. Caps, an allow-list of countries and a cool-down stop it after a
//! few messages, and everybody else gets theirs. Time is moved, so a night passes at once.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::time::Duration;

use queue::policy::{
    Amount, Cap, CapScope, Money, OverCap, Period, PriceTable, QuietHours, SendWindows, SpendGuard,
    Suppression, Zone,
};
use queue::provider::{Mock, MockAnswer, ProviderError};
use queue::sms::SmsMessage;
use queue::testing::TestQueue;
use queue::{
    JobId, NotificationSms, OtpSms, SmsJob, State, create_notification_sms_job, create_otp_sms_job,
};

type Failure = Box<dyn std::error::Error>;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Asks for a code for each number, one after the other.
async fn codes(queue: &TestQueue<SmsJob>, numbers: &[String]) -> Result<Vec<JobId>, Failure> {
    let mut jobs = Vec::new();
    for number in numbers {
        let otp = OtpSms {
            recipient: number.parse()?,
            code: "482913".parse()?,
            expiry_minutes: 10,
        };
        jobs.push(create_otp_sms_job(queue, otp).await?.job_id);
    }
    Ok(jobs)
}

async fn offers(queue: &TestQueue<SmsJob>, numbers: &[String]) -> Result<Vec<JobId>, Failure> {
    let mut jobs = Vec::new();
    for number in numbers {
        let (recipient, message) = (number.parse()?, "Half price on Friday".into());
        let offer = NotificationSms { recipient, message };
        jobs.push(create_notification_sms_job(queue, offer).await?.job_id);
    }
    Ok(jobs)
}

/// Prints how many of the jobs were sent, and why the others were not.
async fn show(queue: &TestQueue<SmsJob>, who: &str, jobs: &[JobId]) -> Result<(), Failure> {
    let mut sent = 0;
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for job in jobs {
        let job = queue.job(*job).await?.ok_or("the job is kept")?;
        if job.state == State::Completed {
            sent += 1;
            continue;
        }
        // The reason holds the policy's code: `rejected (spend_cap): …`.
        let reason = job.reason.unwrap_or_default();
        let code = reason.split(['(', ')']).nth(1).unwrap_or("?");
        *others.entry(format!("{} ({code})", job.state)).or_default() += 1;
    }
    let others: Vec<String> = others.iter().map(|(why, n)| format!("{n} {why}")).collect();
    let (asked, others) = (jobs.len(), others.join(", "));
    println!(
        "  {}",
        format!("{who:<28}{asked:>5}{sent:>6}  {others}").trim_end()
    );
    Ok(())
}

fn heading(when: &str) {
    println!("{when}\n  {:<28}{:>5}{:>6}  not sent", "", "asked", "sent");
}

async fn show_caps(guard: &SpendGuard, zone: &str) -> Result<(), Failure> {
    let snapshot = guard.snapshot().await?;
    println!("caps, on the clocks of {zone}");
    println!(
        "  {:<26}{:>14}{:>14}{:>8}{:>6}  again in",
        "", "used", "left", "counts", "full"
    );
    for usage in snapshot.caps {
        let hours = usage.resets_at.since(snapshot.at).as_secs().div_ceil(3600);
        println!(
            "  {:<26}{:>14}{:>14}{:>8}{:>6}  {hours} h",
            usage.cap.name(),
            usage.used.to_string(),
            usage.left.to_string(),
            usage.counts,
            usage.full
        );
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let queue = TestQueue::<SmsJob>::new().await;
    let nairobi: Zone = "Africa/Nairobi".parse()?;
    queue.advance_to(nairobi.moment("2026-01-05T14:00")?);

    let list = Suppression::new(queue.records()).clock(queue.clock().clone());
    let night = QuietHours::new(SendWindows::quiet("21:00", "08:00")?).clock(queue.clock().clone());
    let guard = SpendGuard::builder(queue.records())
        .clock(queue.clock().clone())
        .zone(nairobi.clone())
        .cap(Cap::new(
            CapScope::Recipient,
            Amount::Messages(5),
            Period::Day,
        ))
        .cap(
            Cap::new(
                CapScope::Prefix { digits: 9 },
                Amount::Messages(20),
                Period::Every(HOUR),
            )
            .named("block_of_a_thousand_hour"),
        )
        .cap(Cap::new(
            CapScope::All,
            Amount::Cost(Money::minor(10_000)),
            Period::Day,
        ))
        .prices(PriceTable::new(Money::minor(500)).prefix("+254", Money::minor(80))?)
        .cool_down("otp", Duration::from_secs(30))
        .over_for("otp", OverCap::Refuse)
        .on_alarm(|alarm| println!("  ALARM: the cap `{}` is reached", alarm.cap.name()))
        .build()?;
    let mock = Mock::<SmsMessage>::new();
    let provider = list.around(night.around(guard.around(mock.clone())));

    println!("a script asks for codes, and ten people do");
    let block: Vec<String> = (0..200).map(|n| format!("+254700001{n:03}")).collect();
    let abroad: Vec<String> = (0..100).map(|n| format!("+3556723456{n:02}")).collect();
    let people: Vec<String> = (0..10).map(|n| format!("+25472{n}345678")).collect();
    let again = vec!["+254733445566".to_owned(); 50];
    let block = codes(&queue, &block).await?;
    let abroad = codes(&queue, &abroad).await?;
    let again = codes(&queue, &again).await?;
    let people_codes = codes(&queue, &people).await?;
    queue.run_due(&provider).await;
    heading("Monday 14:00");
    show(&queue, "a block of its numbers", &block).await?;
    show(&queue, "numbers abroad", &abroad).await?;
    show(&queue, "one number, 50 times", &again).await?;
    show(&queue, "ten people", &people_codes).await?;
    show_caps(&guard, nairobi.name()).await?;

    println!("one of them said stop, and the provider tells when it is asked");
    mock.push(MockAnswer::fail(
        ProviderError::rejected("the recipient opted out")
            .code(21610)
            .suppress(),
    ));
    queue.advance(HOUR);
    let refused = offers(&queue, &people[..1]).await?;
    queue.run_due(&provider).await;
    let asked = mock.call_count();
    let after = offers(&queue, &people[..1]).await?;
    queue.run_due(&provider).await;
    heading("Monday 15:00");
    show(&queue, "the first offer", &refused).await?;
    show(&queue, "every later one", &after).await?;
    println!(
        "  the provider was asked about the later one: {}",
        mock.call_count() > asked
    );

    println!("a campaign goes out in the evening");
    queue.advance_to(nairobi.moment("2026-01-05T22:15")?);
    let campaign = offers(&queue, &people).await?;
    let code = codes(&queue, &people[1..2]).await?;
    queue.run_due(&provider).await;
    heading("Monday 22:15");
    show(&queue, "the campaign", &campaign).await?;
    show(&queue, "a code", &code).await?;
    queue.advance_to(nairobi.moment("2026-01-06T08:06")?);
    queue.run_due(&provider).await;
    heading("Tuesday 08:06");
    show(&queue, "the campaign", &campaign).await?;
    show_caps(&guard, nairobi.name()).await?;

    println!("the provider sent {} messages", mock.sent_count());
    Ok(())
}
