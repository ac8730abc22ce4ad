/** PCI identity, BARs and BAR0's big-endian registers (Linux: gve_register.h). */

/** Vendor, and subsystem vendor. */
export const PCI_VENDOR_GOOGLE = 0x1ae0;
/** Device. */
export const PCI_DEVICE_GVNIC = 0x0042;
/** Subsystem device; no driver asks for it. */
export const PCI_SUBSYSTEM_DEVICE_GVNIC = 0x0058;
/** Ethernet controller: base class 2, sub class 0. */
export const PCI_CLASS_ETHERNET = 0x020000;

/** Configuration and status registers. */
export const REGISTER_BAR = 0;
/** MSI-X table and pending-bit array; the transport's. */
export const MSIX_BAR = 1;
/** Array of 32-bit doorbells. */
export const DOORBELL_BAR = 2;

/** Drivers refuse a card with fewer vectors: one for management, one to send, one to receive. */
export const MSIX_VECTORS_MIN = 3;

// Byte offsets in BAR0. 32-bit unless noted.
/** DEVICE_STATUS_* bits. Read only. */
export const REG_DEVICE_STATUS = 0x00;
/** DRIVER_STATUS_* bits. Revision ≥ 1 only. */
export const REG_DRIVER_STATUS = 0x04;
/** Most transmit queues. Read only. */
export const REG_MAX_TX_QUEUES = 0x08;
/** Most receive queues. Read only. */
export const REG_MAX_RX_QUEUES = 0x0c;
/** Page number of the admin queue's page; 0 written = reset, and it reads 0 once the reset is complete. */
export const REG_ADMINQ_PFN = 0x10;
/** Free-running count of commands submitted. */
export const REG_ADMINQ_DOORBELL = 0x14;
/** Free-running count of commands executed. */
export const REG_ADMINQ_EVENT_COUNTER = 0x18;
/** 8 bits: one write per character of the driver's version, ended by a line feed. */
export const REG_DRIVER_VERSION = 0x1f;
/** Revision ≥ 1 only, as the next two; accepted and ignored by a revision 0 card. */
export const REG_ADMINQ_BASE_ADDRESS_HI = 0x20;
/** The lower half of the address, as REG_ADMINQ_BASE_ADDRESS_HI. */
export const REG_ADMINQ_BASE_ADDRESS_LO = 0x24;
/** 16 bits. */
export const REG_ADMINQ_LENGTH = 0x28;

// Bits of REG_DEVICE_STATUS.
/** The card asks the driver for a reset. */
export const DEVICE_STATUS_RESET: number = 1 << 1;
/** The link is up. */
export const DEVICE_STATUS_LINK: number = 1 << 2;
/** The card asks the driver to refresh its part of the stats report. */
export const DEVICE_STATUS_REPORT_STATS: number = 1 << 3;
/** Revision ≥ 1: a reset is complete. */
export const DEVICE_STATUS_DEVICE_IS_RESET: number = 1 << 4;

// Bits of REG_DRIVER_STATUS (revision ≥ 1).
/** Start. */
export const DRIVER_STATUS_RUN: number = 1 << 0;
/** Reset. */
export const DRIVER_STATUS_RESET: number = 1 << 1;
