/**
 * The simulated machine: RAM, IOMMU, bus, PCI functions, interrupts, clock, seed, contexts and log.
 *
 * @packageDocumentation
 */
export {};
