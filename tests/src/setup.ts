/** The modules ask the App's window for React when they are loaded; arithmetic needs no more. */
Object.assign(globalThis, { window: { React: {} } });
