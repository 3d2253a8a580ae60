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
