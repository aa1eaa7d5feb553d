//! Generates the stubs with tonic's own generator; the compiler of protobuf comes as a crate.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // SAFETY: a build script has one thread.
    unsafe { std::env::set_var("PROTOC", protoc_bin_vendored::protoc_bin_path()?) };
    let service = "../../proto/trimtab/gateway/v1/gateway_service.proto";
    tonic_prost_build::configure()
        .build_server(false)
        .include_file("trimtab.rs")
        .compile_protos(&[service], &["../../proto"])?;
    Ok(())
}
