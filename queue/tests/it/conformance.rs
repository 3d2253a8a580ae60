//! Every backend keeps every promise.

use queue::testing::conformance::{Subject, suite};

suite!(sqlite_memory, |clock| async move {
    Subject::memory(clock).await
});

suite!(sqlite_file, |clock| async move {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let subject = Subject::folder(clock, folder.path()).await;
    Subject {
        keep: Box::new(folder),
        ..subject
    }
});

// On a real server time really passes, so the promises run side by side, each on a server of its own.
#[cfg(feature = "nats")]
suite!(nats, 8, |_| async move {
    let server = queue::testing::nats_server::NatsServer::start().await;
    Subject::nats(server.expect("a server starts")).await
});
