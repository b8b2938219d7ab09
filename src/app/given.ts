/** What FiftyOne's App gives to plugins, as far as the components use it. */

/** Runs the method `uri` of a panel in Python and calls back with what it returns. After an error
 * the App shows a page of its own in the panel's place, unless the callback returns false. */
export type Trigger = (
  uri: string,
  params: object,
  prompt?: undefined,
  callback?: (answer?: { result?: unknown }) => void | false,
) => void;

interface Registered {
  name: string;
  label: string;
  component: unknown;
  type: unknown;
  activator: () => boolean;
}

interface Looker {
  updater?: (state: { playing: boolean; frameNumber: number }) => void;
}

declare global {
  interface Window {
    React: typeof import("react");
    __fop__: {
      registerComponent: (what: Registered) => void;
      PluginComponentType: { Component: unknown };
    };
    __foo__: { useTriggerPanelEvent: () => Trigger };
    // the following are not documented, and may be gone in another version
    __fos__?: { getSampleSrc?: (path: string) => string; modalLooker?: object };
    recoil?: { useRecoilValue: (atom: object) => Looker | null };
  }
}

const react = window.React;

export const h = react.createElement;
export const Fragment = react.Fragment;
export const { useCallback, useEffect, useMemo, useRef, useState } = react;

export const useTrigger = (): Trigger => window.__foo__.useTriggerPanelEvent();

/** Makes `component` known to the App under `name`. */
export function register<P>(name: string, component: (props: P) => React.ReactNode): void {
  const { registerComponent, PluginComponentType } = window.__fop__;
  const type = PluginComponentType.Component;
  registerComponent({ name, label: name, component, type, activator: () => true });
}

/** Address of a sample's file. */
export function sampleSource(path: string): string {
  const { getSampleSrc } = window.__fos__ ?? {};
  return getSampleSrc ? getSampleSrc(path) : "/media?filepath=" + encodeURIComponent(path);
}

/** The player of the open video, null without one; undefined where the App gives no way to it. */
export function usePlayer(): Looker | null | undefined {
  const atom = window.recoil && window.__fos__?.modalLooker;
  return atom ? window.recoil!.useRecoilValue(atom) : undefined;
}
