"""Commands about the record: is it whole, what does it say, is it so again?"""
