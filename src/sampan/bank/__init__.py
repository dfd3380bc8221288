"""The sandbox bank: a simulated FPS bank with its own books, door and bank-app page.

It plays the world outside. The platform learns of its money only through the signed notification
door, as from a real bank.
"""
