//! What a backend around another backend passes on unchanged.

/// Every method of [`Backend`](crate::backend::Backend) but `enqueue`, passed on to a field.
macro_rules! forward_all_but_enqueue {
    ($inner:ident) => {
        fn lease(
            &self,
            request: LeaseRequest,
        ) -> BoxFuture<'_, Result<Vec<Delivery>, BackendError>> {
            self.$inner.lease(request)
        }

        fn settle(
            &self,
            batch: Vec<Settlement>,
        ) -> BoxFuture<'_, Result<Vec<Settled>, BackendError>> {
            self.$inner.settle(batch)
        }

        fn extend(
            &self,
            batch: Vec<Lease>,
            visibility: Duration,
        ) -> BoxFuture<'_, Result<Vec<bool>, BackendError>> {
            self.$inner.extend(batch, visibility)
        }

        fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
            self.$inner.job(id)
        }

        fn find(
            &self,
            queue: String,
            key: IdempotencyKey,
        ) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
            self.$inner.find(queue, key)
        }

        fn list(&self, filter: ListFilter) -> BoxFuture<'_, Result<Page, BackendError>> {
            self.$inner.list(filter)
        }

        fn stats(&self, queue: String) -> BoxFuture<'_, Result<Stats, BackendError>> {
            self.$inner.stats(queue)
        }

        fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<Cancelled, BackendError>> {
            self.$inner.cancel(id)
        }

        fn requeue(&self, id: JobId) -> BoxFuture<'_, Result<Requeued, BackendError>> {
            self.$inner.requeue(id)
        }

        fn pause(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
            self.$inner.pause(queue)
        }

        fn resume(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
            self.$inner.resume(queue)
        }

        fn purge(
            &self,
            queue: String,
            states: Vec<State>,
        ) -> BoxFuture<'_, Result<u64, BackendError>> {
            self.$inner.purge(queue, states)
        }

        fn unpark(
            &self,
            queue: String,
            kinds: &'static [KindInfo],
        ) -> BoxFuture<'_, Result<u64, BackendError>> {
            self.$inner.unpark(queue, kinds)
        }

        fn records(&self) -> Arc<dyn crate::backend::Records> {
            self.$inner.records()
        }

        fn subscribe(&self) -> EventStream {
            self.$inner.subscribe()
        }

        fn close(&self) -> BoxFuture<'_, Result<(), BackendError>> {
            self.$inner.close()
        }

        fn enqueue_batch_max(&self) -> usize {
            self.$inner.enqueue_batch_max()
        }
    };
}
