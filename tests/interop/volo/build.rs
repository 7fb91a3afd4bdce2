fn main() -> Result<(), Box<dyn std::error::Error>> {
    volo_build::Builder::thrift().add_service("../thrift/echo.thrift").write()?;
    Ok(())
}
