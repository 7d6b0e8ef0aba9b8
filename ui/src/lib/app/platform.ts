/** What kind of system the window is on, as far as it matters to words and buttons. */
const agent = typeof navigator === 'undefined' ? '' : navigator.userAgent;
/** Whether shortcuts are written with the Command key. */
export const onMac: boolean = /Mac/u.test(agent);
/** Whether the system's settings have a page where programs are allowed a camera and a microphone. */
export const hasPrivacyPages: boolean = /Mac|Windows/u.test(agent);
