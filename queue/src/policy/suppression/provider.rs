//! [`Suppressed`]: a provider that sends nothing to those on the list.

use std::fmt;
use std::sync::Arc;

use super::entry::{Sender, Suppress, SuppressionEntry, SuppressionReason, SuppressionSource};
use super::list::Suppression;
use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{Address, Addressed, Kind, Priority};
use crate::policy::Refusal;
use crate::policy::unchecked::unchecked;
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, ProviderErrorKind, Receipt,
    SendContext,
};
use crate::telemetry::names;

/// A provider that refuses messages to recipients on a [`Suppression`] list, and puts those on it who it learns opted out.
///
/// A refused message is *rejected* with the code [`suppressed`](Refusal::Suppressed): its job is dead, and no
/// other provider is asked. When the list can't be read, nothing is sent: the message is put off without charging an attempt.
///
/// Made by [`Suppression::around`].
#[derive(Clone)]
pub struct Suppressed<P> {
    provider: P,
    list: Suppression,
    pub(super) sender: Option<Sender>,
    pub(super) exempt: Vec<Kind>,
    learn: Learn,
}

type Learn = Arc<dyn Fn(&ProviderError) -> Option<SuppressionReason> + Send + Sync>;

impl<P> Suppressed<P> {
    pub(super) fn new(provider: P, list: Suppression) -> Self {
        Self {
            provider,
            list,
            sender: None,
            exempt: Vec::new(),
            learn: Arc::new(|error| error.is_opt_out().then_some(SuppressionReason::OptedOut)),
        }
    }

    /// Messages go out in the name of this sender: its entries count too, and what is learnt is learnt for it alone.
    /// Default: none; only entries for [everything](super::SuppressionScope::Everything) count, and what is learnt stops
    /// everything.
    #[must_use]
    pub fn sender(mut self, sender: Sender) -> Self {
        self.sender = Some(sender);
        self
    }

    /// Lets jobs of this kind pass [opt-outs](SuppressionReason::OptedOut) and [complaints](SuppressionReason::Complaint);
    /// other reasons stop them too. May be called for several kinds. Default: none.
    ///
    /// **Only where the law lets you**: in most places for what a person asked for this moment, such as a one-time code, and
    /// nowhere for advertising. A carrier that blocks a sender blocks it whatever is said here.
    #[must_use]
    pub fn exempt_kind(mut self, kind: impl Into<String>) -> Self {
        self.exempt.push(Kind::from(kind.into()));
        self
    }

    /// Decides which refusals put a recipient on the list, and with which reason. Asked about *rejected* messages only.
    /// Default: [`ProviderError::is_opt_out`], as an opt-out. A provider's code for numbers that don't exist may be told as a
    /// [hard failure](SuppressionReason::HardFailure) here.
    #[must_use]
    pub fn learn(
        mut self,
        reason: impl Fn(&ProviderError) -> Option<SuppressionReason> + Send + Sync + 'static,
    ) -> Self {
        self.learn = Arc::new(reason);
        self
    }

    fn lets_pass(&self, entry: &SuppressionEntry, context: &SendContext) -> bool {
        let by_choice = matches!(
            entry.reason,
            SuppressionReason::OptedOut | SuppressionReason::Complaint
        );
        by_choice && (context.kind.as_ref()).is_some_and(|kind| self.exempt.contains(kind))
    }

    /// Puts the recipient of a message that was refused on the list, if the refusal says so.
    async fn note(
        &self,
        provider: &str,
        channel: &str,
        address: &(impl Address + Sync),
        error: &ProviderError,
    ) {
        let Some(reason) = (self.learn)(error) else {
            return;
        };
        let source = SuppressionSource::Provider(provider.to_owned());
        let mut suppress = Suppress::address(channel, address, reason).source(source);
        if let Some(sender) = &self.sender {
            suppress = suppress.sender(sender.clone());
        }
        // The message is refused either way, and the next one to this recipient will be too, by the provider.
        if let Err(error) = self.list.add(suppress).await {
            tracing::warn!(
                { names::ERROR_KIND } = error.kind().as_str(),
                "an opt-out could not be put on the suppression list"
            );
        }
    }
}

impl<M, P> Provider<M> for Suppressed<P>
where
    M: Message + Addressed,
    M::Address: Address + Sync,
    P: Provider<M>,
{
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let address = message.recipient();
            let key = address.key(M::CHANNEL);
            let lets_pass = |entry: &SuppressionEntry| self.lets_pass(entry, context);
            let checked = self
                .list
                .check_unless(&key, self.sender.as_ref(), lets_pass);
            match checked.await {
                Ok(None) => {}
                Ok(Some(entry)) => return Err(refused(&entry)),
                Err(error) => return Err(unchecked(&error)),
            }
            let answer = self.provider.send(message, context).await;
            if let Err(error) = &answer
                && error.kind() == ProviderErrorKind::Rejected
            {
                self.note(self.provider.name(), M::CHANNEL, address, error)
                    .await;
            }
            answer
        })
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        self.provider.inquire(inquiry)
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.provider.capacity(priority, now)
    }
}

fn refused(entry: &SuppressionEntry) -> ProviderError {
    let reason = entry.reason.as_str();
    ProviderError::rejected(format!(
        "the recipient is on the suppression list: {reason}"
    ))
    .code(Refusal::Suppressed)
}

impl<P: fmt::Debug> fmt::Debug for Suppressed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppressed")
            .field("provider", &self.provider)
            .field("sender", &self.sender)
            .field("exempt", &self.exempt)
            .finish_non_exhaustive()
    }
}
