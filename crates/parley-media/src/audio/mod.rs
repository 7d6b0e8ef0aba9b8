//! Sound: the one audio thread, its mixer, voice chain, codec and jitter buffers.
