//! Recording a call into a file: what its window shows and plays, put together once more. H.264 and Opus in fragmented MP4.
//!
//! | who | what | why so |
//! |---|---|---|
//! | `stage` | the newest pictures into one, the large one and those in its corner | every player knows one track of pictures |
//! | `sound` | what was played and one's own voice onto one line of time | blocks come late, and their clocks drift |
//! | `fragments` | encoded pictures and sound into pieces of a file | each piece stands for itself, so a killed program leaves a good file |
//! | `growing_file` | whole pieces onto the disk | one that is torn would spoil the others |
//! | [`Recorder`] | the thread around them, and the file | encoding and disks take their time |
//!
//! Whether anybody may record is not decided here, nor where the file is. The audio thread gives its blocks to a bounded
//! channel and pictures come through slots, so that a slow disk costs the recording something and the call nothing.

mod fragments;
mod growing_file;
mod recorder;
mod sound;
mod stage;
// With players' own tools, which the chores install on Linux.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use recorder::{RecordEnd, Recorder, RecorderStatus, StartRecorderError};
pub use stage::Scene;
