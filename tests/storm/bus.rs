//! The virtual modem as the gateway meets it: on a USB whose ports come, go and change their
//! names.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use mm1gate::modem::usb::{UsbBus, UsbDevice, UsbInterface, UsbResetError};
use mm1gate::modem::{OpenPort, Port, PortError, PortOpener};
use mm1gate::sim::{PortRole, VirtualModem};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// The USB with this one modem.
pub(crate) struct VirtualBus(pub(crate) VirtualModem);

impl UsbBus for VirtualBus {
    fn devices(&self) -> Vec<UsbDevice> {
        let Some(view) = self.0.usb() else { return Vec::new() };
        let mut interfaces: Vec<UsbInterface> = view
            .ports
            .iter()
            .map(|(number, _, tty)| UsbInterface {
                number: *number,
                class: 0xff,
                subclass: 0xff,
                protocol: 0xff,
                driver: Some("option".to_owned()),
                tty: Some(tty.clone()),
                ..UsbInterface::default()
            })
            .collect();
        if interfaces.is_empty() {
            // A storage: mass storage, SCSI, bulk only.
            interfaces.push(UsbInterface {
                class: 0x08,
                subclass: 0x06,
                protocol: 0x50,
                driver: Some("usb-storage".to_owned()),
                ..UsbInterface::default()
            });
        }
        vec![UsbDevice {
            path: view.path,
            vid: view.vid,
            pid: view.pid,
            interfaces,
            ..UsbDevice::default()
        }]
    }

    fn reset(&self, path: &str) -> Result<(), UsbResetError> {
        match self.0.usb() {
            Some(view) if view.path == path => {
                self.0.usb_reset();
                Ok(())
            }
            _ => Err(UsbResetError::Absent { path: path.to_owned() }),
        }
    }
}

impl PortOpener for VirtualBus {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            let failed =
                |error: io::Error| PortError::Io { port: name.to_owned(), text: error.to_string() };
            let ports = self.0.usb().map(|view| view.ports).unwrap_or_default();
            let role = ports.iter().find(|(_, _, tty)| tty == name).map(|(_, role, _)| *role);
            let Some(role) = role else {
                return Err(failed(io::ErrorKind::NotFound.into()));
            };
            let stream = self.0.open_tty(name).map_err(failed)?;
            Ok(Box::new(Tty { stream, modem: self.0.clone(), role }) as Box<dyn Port>)
        })
    }
}

/// A port with its modem control lines.
struct Tty {
    stream: DuplexStream,
    modem: VirtualModem,
    role: PortRole,
}

impl Port for Tty {
    fn set_dtr(&mut self, on: bool) -> bool {
        self.modem.set_dtr(self.role, on);
        true
    }

    fn carrier(&mut self) -> Option<bool> {
        Some(self.modem.carrier(self.role))
    }
}

impl AsyncRead for Tty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tty {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
