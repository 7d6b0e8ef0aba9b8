//! Devices: the only place that names `cpal` and `nokhwa`.
