// Not a module, so that it runs before the page is painted. The choice lasts; without one the system's holds.
{
  const root = document.documentElement;
  const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : systemIsDark.matches);

  try {
    const theme = localStorage.getItem('glossa.theme');
    if (theme) root.dataset.theme = theme;
  } catch {
    // Storage is blocked.
  }

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const show = () => (document.getElementById('theme-label').textContent = isDark() ? 'Light' : 'Dark');
    button.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark';
      show();
      try {
        localStorage.setItem('glossa.theme', root.dataset.theme);
      } catch {
        // As above.
      }
    });
    systemIsDark.addEventListener('change', show);
    show();
  });
}
