/** Version of this package, as in its manifest. */
export const MACHINE_VERSION = '0.0.0';
