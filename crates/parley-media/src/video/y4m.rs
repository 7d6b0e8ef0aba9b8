//! Raw pictures in a file (YUV4MPEG2, 4:2:0): a reader for sources and a recorder that writes in a thread of its own.
//!
//! Plain enough for ffmpeg, mpv and Chromium's fake camera. Nothing is encoded here; a minute of 720p30 is 2.5 GB.

mod reader;
mod recorder;

pub use reader::{ReadY4mError, Y4mReader};
pub use recorder::{RecordError, RecorderStats, Y4mRecorder};
