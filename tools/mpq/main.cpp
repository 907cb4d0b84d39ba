// The mpq program (to be filled).
int main() { return 0; }
